"""What every task has among its options. Light: a configuration is checked with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from wdno.options import Distinct, Name, Section

if TYPE_CHECKING:
    from wdno.config.methods import MethodOptions
    from wdno.config.models import ModelOptions
    from wdno.systems.base import SystemOptions


class TaskOptions(Section):
    """A task of a system, the section ``systems.*.tasks.<task>``.

    A module with such options may also have `MethodSection` and `ModelSection`: sections of methods
    and of models under the task's name that only this task reads.

    Attributes:
        title: name for readers, such as "Simulation".
        summary: what the task does, the description of its section.
        baselines: methods without a model that it offers: name -> what it is.
        judging: options that evaluations read and trainings do not, other than on rewards.
        rewards: whether it has rewards to train on: a module `rewards`, see
            :mod:`wdno.tasks.control.rewards`.
        showing: options of every task that concern tables and figures alone: nothing is computed
            from them.
        selective: figures that show the methods of `evaluation.show` alone.
        referring: figures that show the reference.
        collects: whether its methods make further training data; the room then has a module
            `collection`.
        halvable: whether its models may learn from the stored grid halved, `data.halvings`.
        ranked: whether its table ranks methods over all systems, where there are several.
    """

    title: ClassVar[str]
    summary: ClassVar[str]
    baselines: ClassVar[Mapping[str, str]] = MappingProxyType({})
    judging: ClassVar[frozenset[str]] = frozenset()
    rewards: ClassVar[bool] = False
    showing: ClassVar[frozenset[str]] = frozenset({"methods", "reference"})
    selective: ClassVar[frozenset[str]] = frozenset()
    referring: ClassVar[frozenset[str]] = frozenset()
    collects: ClassVar[bool] = False
    ranked: ClassVar[bool] = False
    halvable: ClassVar[bool] = False

    methods: Annotated[list[Name], Field(min_length=1), Distinct] = Field(
        description="Rows of the table, in order, by their keys in `methods`."
    )
    reference: Name | None = Field(
        default=None,
        description="Method that the others are divided by in the table of this task; null: "
        "`evaluation.reference`, where the task lists it.",
    )

    def check(
        self,
        system: SystemOptions,
        methods: Mapping[str, MethodOptions],
        models: Mapping[str, ModelOptions],
    ) -> list[str]:
        """Return what is wrong with the task for a system.

        Args:
            system: options of the system.
            methods: every method that the task evaluates, by name, as it is for the system.
            models: the models of those that have one, by the methods' names.

        Returns:
            Problems, each a sentence.
        """
        return []

    def check_counts(
        self, methods: Mapping[str, MethodOptions], counts: Mapping[str, int]
    ) -> list[str]:
        """Return which methods need more cases than there are.

        Args:
            methods: as of :meth:`check`.
            counts: number of cases of each data file, by its split.

        Returns:
            Problems, each a sentence.
        """
        return []

    def check_fine(self, stored: Sequence[int], fine: Sequence[int] | None) -> list[str]:
        """Return what is wrong with the finer test set, each a sentence.

        Args:
            stored: shape of the stored grid, time first.
            fine: that of the finer one; None: there is none.
        """
        return []

    def splits(self, method: MethodOptions, of: str = "test") -> tuple[str, ...]:
        """Return the data files that a method reads, by their splits.

        Args:
            method: the method.
            of: split of the cases that it is asked for.
        """
        return (of,)

    def checkpoints(self, task: str, method: MethodOptions) -> dict[str, tuple[str, str]]:
        """Return the trained models that a method needs.

        Args:
            task: name of this task.
            method: the method.

        Returns:
            Of each, by the role that it has: the task that it was trained for, and its name.
        """
        return {"model": (task, method.model)} if method.model is not None else {}

    def check_models(self, method: MethodOptions, models: Mapping[str, ModelOptions]) -> list[str]:
        """Return what is wrong with the models of a method beside each other, each a sentence.

        Args:
            method: the method.
            models: those of :meth:`checkpoints`, by their roles, as they are for the system.
        """
        return []

    @classmethod
    def check_training(cls, system: SystemOptions, model: ModelOptions) -> list[str]:
        """Return what is wrong with a model that is trained for the task, each a sentence.

        Args:
            system: options of the system.
            model: the model, as it is for the system.
        """
        if not model.objective.closed_loop:
            return []
        return [
            f"objective {model.objective.name!r} is trained in a closed loop, which the task "
            f"{cls.title!r} does not have; train it for control"
        ]

    @classmethod
    def training_models(cls, model: ModelOptions) -> dict[str, tuple[str, str]]:
        """Return the trained models whose outputs a training for the task learns from.

        They are outputs on samples that these models have not learnt from. The room of a task with
        such has a module `outputs`, whose `predicted` makes them.

        Args:
            model: the model that is trained.

        Returns:
            Of each, by the role that it has: the task that it was trained for, and its name.
        """
        return {}

    @classmethod
    def check_training_models(
        cls, model: ModelOptions, models: Mapping[str, ModelOptions]
    ) -> list[str]:
        """Return what is wrong with these models, each a sentence.

        Args:
            model: the model that is trained.
            models: those of :meth:`training_models`, by their roles, as they are for the system.
        """
        return []

    @classmethod
    def training_modules(cls, system: str, model: ModelOptions) -> tuple[str, ...]:
        """Return modules whose code counts for a training beside those of the task and the model.

        Args:
            system: name of the system.
            model: the model.
        """
        return ()

    def modules(self, system: str, method: MethodOptions) -> tuple[str, ...]:
        """Return modules whose code counts for a method beside those of the task and its models.

        Args:
            system: name of the system.
            method: the method.
        """
        return ()

    def figures(self, system: SystemOptions) -> dict[str, str]:
        """Return the figures that are drawn of a system: name -> suffix, `png` or `gif`."""
        return {}
