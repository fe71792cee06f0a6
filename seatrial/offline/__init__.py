"""The offline cloud: moto in one process plus what it lacks, so that synthesized templates really run."""
