"""Whether a function's own policy lets a service invoke it: what AWS::Lambda::Permission grants."""

import fnmatch
from typing import Any

from moto.awslambda.models import LambdaFunction


def allows(function: LambdaFunction, principal: str, source_arn: str, source_account: str) -> bool:
    """Whether a statement of the policy allows `principal` (as "events.amazonaws.com") to invoke for this source."""
    return any(
        statement.get("Effect", "Allow") == "Allow"
        and _acts(statement.get("Action"))
        and _is_principal(statement.get("Principal"), principal)
        and _conditions_hold(statement.get("Condition") or {}, source_arn, source_account)
        for statement in function.policy.statements
    )


def _acts(action: Any) -> bool:
    return any(fnmatch.fnmatchcase("lambda:InvokeFunction", pattern) for pattern in _listed(action))


def _is_principal(stated: Any, principal: str) -> bool:
    if isinstance(stated, dict):
        return principal in _listed(stated.get("Service")) or "*" in _listed(stated.get("AWS"))
    return stated in {"*", principal}


def _conditions_hold(conditions: dict[str, Any], source_arn: str, source_account: str) -> bool:
    values = {"aws:sourcearn": source_arn, "aws:sourceaccount": source_account}
    for operator, operands in conditions.items():
        for key, allowed in operands.items():
            value = values.get(key.lower(), "")
            like = "like" in operator.lower() or operator.lower().startswith("arn")
            if not any(fnmatch.fnmatchcase(value, each) if like else value == each for each in _listed(allowed)):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]
