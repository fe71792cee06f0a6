"""The sea trial: the synthesized templates are deployed offline and the whole MLOps loop really runs."""
