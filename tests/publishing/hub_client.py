"""A publisher of its own process: the client reads its settings when it is imported. One JSON line in, one out."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.publishing import hub, hub_connection, hub_pull
from cosmos_recipes.publishing.package import verify_package
from cosmos_recipes.publishing.publish import Target, publish

SENDERS = {"publish": hub.publish_to_hub, "propose": hub_pull.propose_to_hub}


def work(action: str, token: str, silence_s: float = 20, **arguments: Any) -> Any:
    os.environ["HF_TOKEN"] = token
    quick = hub_connection.Patience(attempts=3, first_pause_s=0.05, longest_pause_s=0.2, longest_silence_s=silence_s)
    if action == "preflight":
        return hub.preflight(arguments["repo"], public=False, base=arguments.get("base"), patience=quick)
    if action in SENDERS:
        package, public = verify_package(Path(arguments["package"])), arguments["public"]
        how = {"public": public, "verify": arguments.get("verify", "hashes"), "patience": quick}
        return asdict(SENDERS[action](package, arguments["repo"], **how))
    if action == "publish plan":
        plan = Plan.model_validate_json(arguments["plan"])
        return asdict(publish(Path(arguments["package"]), Target.of(plan, Path(arguments["root"]))))
    from huggingface_hub import snapshot_download

    return snapshot_download(arguments["repo"], revision=arguments["revision"], local_dir=arguments["folder"])


for line in sys.stdin:
    try:
        answer = {"result": work(**json.loads(line)), "problems": []}
    except RecipeError as error:
        answer = {"result": None, "problems": [asdict(problem) for problem in error.problems]}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
