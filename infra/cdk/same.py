"""Holds what CDK synthesises against the SAM template: there is one description of the stack.

    python same.py TEMPLATE SYNTHESISED

Where the code of a function lies is the one thing that may differ, and what CDK's own bootstrapping adds.
"""

import json
import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

# What CDK adds to every template: whether the account is bootstrapped.
OF_CDK = [("Parameters", "BootstrapVersion"), ("Rules", "CheckBootstrapVersion")]


def plain(value):
    """The long forms of what has a short one."""
    if isinstance(value, dict):
        if set(value) == {"Fn::GetAtt"} and isinstance(value["Fn::GetAtt"], str):
            return {"Fn::GetAtt": value["Fn::GetAtt"].split(".", 1)}
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def stripped(template):
    template = plain(template)
    for section, name in OF_CDK:
        template.get(section, {}).pop(name, None)
    for resource in template["Resources"].values():
        if "DependsOn" in resource:  # one name or several, in any order
            named = resource["DependsOn"]
            resource["DependsOn"] = sorted(named if isinstance(named, list) else [named])
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Properties"]["CodeUri"]
    return template


def differences(path, one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(f"{path}/{key}", one.get(key), other.get(key))
    elif one != other:
        yield f"{path}: {json.dumps(one)} in the template, {json.dumps(other)} by CDK"


def main(template, synthesised):
    one = stripped(yaml_parse(Path(template).read_text()))
    other = stripped(json.loads(Path(synthesised).read_text()))
    found = list(differences("", one, other))
    print("\n".join(found) or f"CDK synthesises the template: {len(one['Resources'])} resources")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
