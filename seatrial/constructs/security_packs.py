"""cdk-nag's packs AwsSolutions and NIST 800-53 R5, with the wildcards that were given a reason."""

import aws_cdk as cdk

from seatrial.constructs.justification import JustifiedWildcards


def add_security_packs(app: cdk.App) -> None:
    """Check the app against both packs at the end of synth; synth fails on any finding without an acknowledgement."""
    # Loading the packs costs half a second, which a synth that does not ask for them should not pay.
    import cdk_nag

    packs = [cdk_nag.AwsSolutionsChecks(app), cdk_nag.NIST80053R5Checks(app)]
    cdk.Validations.of(app).add_plugins(JustifiedWildcards(app), *packs)
