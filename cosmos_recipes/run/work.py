"""The five stages of a run: what each is made from, where it works, and what it does."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.compiler.emit import lock_text
from cosmos_recipes.compiler.lock import environment, with_data
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.files import remove, sha256, write_json, write_text
from cosmos_recipes.launch.nodes import Node
from cosmos_recipes.publishing.publish import Target, publish
from cosmos_recipes.recipe.located import parse_located, read_located
from cosmos_recipes.run import results
from cosmos_recipes.run.content import content_of
from cosmos_recipes.run.folder import TRAINED_BY, RunFolder, digest, read_json
from cosmos_recipes.run.locked import Locked
from cosmos_recipes.run.opening import read_lock
from cosmos_recipes.run.prepare import Preparation
from cosmos_recipes.run.progress import Progress
from cosmos_recipes.run.publish import publish_stage
from cosmos_recipes.run.references import LOCK
from cosmos_recipes.run.stages import Done, Stage, perform, read_record

StageName = Literal["prepare", "train", "evaluate", "package", "publish"]
STAGES: tuple[StageName, ...] = ("prepare", "train", "evaluate", "package", "publish")
DOCUMENTS = ("recipe.yaml", "recipe.lock", "plan.yaml")


class Work:
    """Does the stages of one run in order; each is made from what the ones before it made."""

    def __init__(
        self,
        plan: Plan,
        *,
        root: Path,
        folder: RunFolder,
        nproc: int,
        progress: Progress,
        node: Node | None = None,
        locked: Locked | None = None,
    ) -> None:
        self.plan, self.root, self.folder, self.nproc, self.progress = plan, root, folder, nproc, progress
        self.node, self.locked = node, locked
        self.preparation = Preparation.of(plan, root)
        self.done: dict[StageName, Done] = {}

    def do(self, name: StageName) -> Done:
        """Do a stage, unless it is done and nothing of it changed."""
        self.done[name] = getattr(self, f"_{name}")()
        return self.done[name]

    def kept(self, documents: Mapping[str, str]) -> dict[str, str]:
        """Return the files of the plan; of a training that goes on, the lock says what it began with."""
        before = read_lock(self.folder.path) if self.folder.has_trained else {}
        now = parse_located(documents[LOCK], file=LOCK).tree
        began = {block: before[block] for block in (*environment(), "data") if block in before}
        return {**documents, LOCK: lock_text({**now, **began})}

    def fetch_weights(self) -> None:
        """Bring the weights to start from to this machine, once for all processes, before anything is spent.

        Raises:
            RecipeError: the Hub does not give them (CR623).
        """
        if self.plan.backbone.weights:
            Weights(label=self.plan.backbone.weights).fetched("transformer", "vae")

    def _prepare(self) -> Done:
        done = self.preparation.perform(self.progress)
        self._link_prepared()
        write_json(self.folder.path / "prepare.json", done.record.summary)
        for problem in done.record.summary["left_out"][:5]:
            self.progress.note(f"left out: {problem['code']} {problem['message']}; {problem['found']}")
        self._lock_data(done)
        return done

    def _lock_data(self, done: Done) -> None:
        """Write into the lock what is in the data, and look whether it is what the run is held to (CR240)."""
        content = content_of(self.preparation.folder, self.preparation.hashes())
        if self.locked and self.locked.document:
            self.locked.check_data(content, self.progress)
        lock = self.folder.path / LOCK
        document = with_data(read_located(lock).tree, content)
        # What is trained anew is trained with what is here now.
        write_text(lock, lock_text(document if self._goes_on(done) else {**document, **environment()}))

    def _goes_on(self, prepared: Done) -> bool:
        """Return whether there is a training of just this plan on this data, so that it is not begun anew."""
        record = read_record(self._state("train"))
        return record is not None and record.inputs == digest(self._train_inputs(prepared))

    def _link_prepared(self) -> None:
        """Let `prepare` in the run's folder lead to the prepared data, by a relative path."""
        link, target = self.folder.prepare, os.path.relpath(self.preparation.folder, self.folder.path)
        if not link.is_symlink() or os.readlink(link) != target:
            link.unlink(missing_ok=True)
            link.symlink_to(target)

    def _train_inputs(self, prepared: Done) -> dict[str, Any]:
        return {"plan": self.plan.fingerprint(*TRAINED_BY), "prepared": prepared.record.made}

    def _train(self) -> Done:
        return perform(
            self._stage(
                "train",
                self._train_inputs(self.done["prepare"]),
                made=("model",),
                # Training takes a result, or a model, as a sign that it is done.
                spoiled=lambda _: (self.folder.train / "model", self.folder.train / "result.json"),
            )
        )

    @property
    def is_trained(self) -> bool:
        """Whether training ended once, so that what it cost is spent."""
        record = read_record(self._state("train"))
        return record is not None and record.state == "done"

    def _work_train(self) -> dict[str, Any]:
        from cosmos_recipes.launch.local import train

        self._require_all_machines()
        prepared = self.preparation.folder
        result = train(self.plan, self.folder.path, prepared, nproc=self.nproc, node=self.node, progress=self.progress)
        return {"steps": result.steps, "seconds": result.seconds, "final_loss": result.final_loss}

    def _require_all_machines(self) -> None:
        from cosmos_recipes.training.fit import finished

        nodes = self.plan.hardware.nodes
        if nodes > 1 and self.node is None and finished(self.plan, self.folder.path) is None:
            fail(
                "CR654",
                f"this plan trains on {nodes} machines, and this is one",
                expected="--on CLUSTER, or --node and --rendezvous on each machine",
                found=f"hardware.nodes: {nodes}",
                hint=f"the data is prepared; on each machine: cosmos-recipe run {self.folder.plan_file} "
                f"--node 0 (to {nodes - 1}) --rendezvous FIRST_MACHINE:29500",
            )

    def join(self) -> bool:
        """Train with the machines of which the first does all stages; return whether there was still anything to train.

        Raises:
            RecipeError: training cannot begin or broke (CR6xx).
        """
        from cosmos_recipes.launch.local import train
        from cosmos_recipes.training.fit import finished

        assert self.node is not None
        self.fetch_weights()
        self.progress("waiting for the first machine", 0, 0)
        run, prepared = self.folder.path, self.preparation.folder
        if not self.node.wait_for_first(lambda: finished(self.plan, run) is not None):
            return False
        train(self.plan, run, prepared, nproc=self.nproc, node=self.node, progress=self.progress)
        return True

    def _evaluate(self) -> Done:
        inputs = {
            "plan": self.plan.fingerprint("task", "seed", "data", "evaluate", "gate"),
            "recipe": sha256(self.folder.path / "recipe.yaml"),
            "prepared": self._made("prepare"),
            "model": self._made("train"),
        }
        return perform(self._stage("evaluate", inputs, resumable=False))

    def _work_evaluate(self) -> dict[str, Any]:
        trained = self.done["train"].record.summary
        return results.evaluate(
            self.plan,
            self.folder,
            self.preparation.folder,
            steps=trained["steps"],
            train_seconds=trained["seconds"],
            progress=self.progress,
        )

    def _package(self) -> Done:
        inputs = {name: sha256(self.folder.path / name) for name in DOCUMENTS}
        inputs |= {"model": self._made("train"), "evaluation": self._made("evaluate")}
        return perform(self._stage("package", inputs, resumable=False))

    def _work_package(self) -> dict[str, Any]:
        from cosmos_recipes.publishing.package import write_package

        folder = self.folder
        package = write_package(
            folder.package, model=folder.train / "model", run=folder.path, evaluation=folder.evaluate, plan=self.plan
        )
        return {"files": len(package.everything), "size_bytes": package.size_bytes}

    def _publish(self) -> Done:
        if self._local_model_is_gone():
            remove(self._state("publish"))
        target, package = Target.of(self.plan, self.folder.models), self._made("package")
        do = partial(publish, self.folder.package, target)
        return perform(publish_stage(self.folder, self.plan, package=package, do=do))

    def _local_model_is_gone(self) -> bool:
        receipt = read_json(self.folder.publish / "receipt.json")
        if not receipt or receipt["target"] != "local":
            return False
        return not (self.folder.models / receipt["repo"] / "snapshots" / receipt["commit"]).exists()

    def _stage(self, name: StageName, inputs: dict[str, Any], **more: Any) -> Stage:
        folder = getattr(self.folder, name)
        return Stage(
            name=name,
            folder=folder,
            state=self._state(name),
            inputs=inputs,
            work=getattr(self, f"_work_{name}"),
            **more,
        )

    def _state(self, name: StageName) -> Path:
        return self.folder.stages / f"{name}.json"

    def _made(self, name: StageName) -> str:
        return self.done[name].record.made
