"""What is done with a state beside plans: reading it, correcting it, its lock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundsill.graph.graph import Graph
from groundsill.terraform.failures import Lock, read_lock
from groundsill.terraform.invocation import Invocations, scratch_folder, variable_flags
from groundsill.terraform.outcome import EngineError


class StateCommands(Invocations):
    """The commands of Terraform that are about a state."""

    def output(self, directory: Path) -> dict[str, Any]:
        """Every output by name: ``{"value": ..., "type": ..., "sensitive": ...}``.

        Raises:
            GroundsillError: where the state cannot be read.
        """
        return json.loads(self.text(["output", "-json"], directory))

    def state_list(self, directory: Path) -> list[str]:
        """Addresses of everything in the state; empty where there is none yet.

        Raises:
            GroundsillError: where the state cannot be read.
        """
        try:
            return self.text(["state", "list"], directory).split("\n")[:-1]
        except EngineError as error:
            if any("No state file was found" in problem.text for problem in error.problems):
                return []
            raise

    def state_rm(self, directory: Path, address: str) -> None:
        """Forget a resource: it stays in AWS and is no longer looked after.

        Raises:
            GroundsillError: where there is none at that address.
        """
        self.text(["state", "rm", address], directory)

    def state_mv(self, directory: Path, address: str, new: str) -> None:
        """Have the state know a resource by another address.

        Raises:
            GroundsillError: where there is none at that address, or one at the new one.
        """
        self.text(["state", "mv", address, new], directory)

    def taint(self, directory: Path, address: str) -> None:
        """Have the next plan make a resource anew.

        Raises:
            GroundsillError: where there is none at that address.
        """
        self.text(["taint", address], directory)

    def state_pull(self, directory: Path) -> dict[str, Any]:
        """The state in the form in which it is kept, with everything that is secret in it; empty where there is none yet.

        Raises:
            GroundsillError: where it cannot be read.
        """
        return json.loads(self.text(["state", "pull"], directory) or "{}")

    def state_push(self, directory: Path, file: Path) -> None:
        """Write a state that could not be written when it was made.

        Raises:
            GroundsillError: where the state is another one or has changed since.
        """
        self.text(["state", "push", str(file.absolute())], directory)

    def import_(
        self, directory: Path, address: str, resource_id: str, *, variables: Mapping[str, Any] | None = None,
        graph: Graph | None = None,
    ) -> None:
        """Take over a resource that exists in AWS.

        Arguments:
            directory: an initialised folder whose configuration has the address.
            address: where it belongs.
            resource_id: the provider's identifier of it, for example a table's name.
            variables: values of variables by name.
            graph: tells which component an address belongs to.

        Raises:
            GroundsillError: where there is no such resource or the address is taken.
        """
        with scratch_folder() as scratch:
            flags = variable_flags(variables, scratch)
            self.text(["import", "-input=false", "-no-color", *flags, address, resource_id], directory, graph=graph)

    def lock(self, directory: Path) -> Lock | None:
        """Who holds the state's lock; None where nobody does.

        Raises:
            GroundsillError: where the state cannot be reached.
        """
        try:
            # Nothing has this address, so nothing is changed; but the lock is asked for before that is found out.
            self.text(["untaint", "-lock-timeout=0s", "terraform_data.groundsill_asks_for_the_lock"], directory)
        except EngineError as error:
            for problem in error.problems:
                found = read_lock(problem.text)
                if found is not None:
                    return found
            if any("No such resource instance" in problem.text or "no state" in problem.text.lower()
                   for problem in error.problems):
                return None
            raise
        return None

    def force_unlock(self, directory: Path, lock_id: str) -> None:
        """Take away the lock of somebody who is gone.

        Raises:
            GroundsillError: where the state has no such lock.
        """
        self.text(["force-unlock", "-force", lock_id], directory)
