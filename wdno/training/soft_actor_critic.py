"""Training by stable-baselines3's soft actor-critic, on transitions of data, and of a simulation.

Its algorithm, optimisers and critics are used as they are; the batches, the random numbers of each
step, the log and the state are those of every training here. So its replay buffer is the present
batch of trajectories, and a resumed run equals an uninterrupted one. The learning rate and the
bound on the gradient, of actor and critics each, are those of the settings. The loss in the log is
that of the critics.

With a learned simulation the policy, as it draws, is rolled out in it every so many steps, from the
starts of the step's batch, by random numbers of that step. Later steps draw their transitions from
it; so it belongs to the state. Validation looks at data alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from wdno.model import Model
from wdno.objectives.framewise import timed
from wdno.objectives.sac import SAC, Transitions, mixed
from wdno.training import distributed
from wdno.training.batches import ROLLOUT, STEP, WEIGHTS, Data
from wdno.training.optimiser import Named, clip_gradient, optimiser_tensors, restore_optimiser
from wdno.training.readers import Batch
from wdno.training.state import Training, below
from wdno.training.watch import NonFiniteError

try:
    import stable_baselines3 as sb3
    from gymnasium.spaces import Box
    from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
    from stable_baselines3.common.logger import Logger
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
except ImportError as error:
    raise ImportError(
        "objective 'sac' is trained by stable-baselines3, which is not installed; run "
        "`pip install -c constraints.txt -e '.[environments]'`, or leave its methods out"
    ) from error


class PresentBatch(ReplayBuffer):
    """A replay buffer that holds the transitions of one step."""

    def __init__(self, *arguments: Any, optimize_memory_usage: bool = False, **more: Any) -> None:
        """Begin with none; arguments as those of `ReplayBuffer`, which would make room for many."""
        BaseBuffer.__init__(self, *arguments, **more)
        self.present: Transitions | None = None

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """Return them all.

        Raises:
            ValueError: another number is asked for.
        """
        held = self.present
        if held is None or len(held.states) != batch_size:
            raise ValueError(
                f"replay buffer: {batch_size} transitions are asked for, it holds "
                f"{0 if held is None else len(held.states)}"
            )
        return ReplayBufferSamples(
            held.states, held.actions, held.following, held.ends, held.rewards
        )


class SacTrainer(Training):
    """A training of a model with the objective `sac`.

    The model's own network is the actor after each step, so that its average is one as of any
    other model; critics and the rest stay here.
    """

    def __init__(self, model: nn.Module, samples: int | Sequence[int], **more: Any) -> None:
        """Begin at step 0; arguments as those of `Training`.

        Raises:
            ValueError: The arguments do not fit each other.
        """
        objective = getattr(model, "objective", None)
        if not isinstance(model, Model) or not isinstance(objective, SAC):
            raise ValueError("soft actor-critic: expected a model with the objective 'sac'")
        if distributed.world_size() > 1:
            raise ValueError(
                "soft actor-critic: stable-baselines3 trains in one process, but there are "
                f"{distributed.world_size()}; start it without torchrun or --processes"
            )
        if objective.imagined and model.imagination is None:
            raise ValueError(
                "soft actor-critic: a share of its transitions is imagined, but the model has no "
                "simulation to roll out in (Model.imagination); give it one, or train with "
                "simulation = null"
            )
        super().__init__(model, samples, **more)
        self._trained, self._objective = model, objective
        self._rollout: Batch = {}
        self._randomness.start(self.seed, WEIGHTS)
        self._sac = self._algorithm()
        self._norms: list[Tensor] = []
        for part in (self._sac.actor, self._sac.critic):
            part.optimizer.register_step_pre_hook(self._clip)
        self._load_actor()

    def _algorithm(self) -> Any:
        """The algorithm, without an environment."""
        objective, network = self._objective, self._objective.network
        linear = _linear(network.layers)
        values = linear[-1].out_features // 2
        wanted = objective.target_entropy
        algorithm = sb3.SAC(
            "MlpPolicy",
            cast(Any, None),
            learning_rate=lambda _: self.settings.learning_rate_at(self.step),
            buffer_size=1,
            replay_buffer_class=PresentBatch,
            gamma=objective.gamma,
            tau=objective.tau,
            ent_coef=f"auto_{objective.entropy}",
            target_entropy=-values if wanted is None else wanted,
            policy_kwargs={
                "net_arch": [layer.out_features for layer in linear[:-1]],
                "optimizer_kwargs": {"betas": self.settings.betas},
            },
            device=self.device,
            _init_setup_model=False,
        )
        infinite = np.full(linear[0].in_features, np.inf, dtype=np.float32)
        algorithm.observation_space = Box(-infinite, infinite)
        algorithm.action_space = Box(-1.0, 1.0, (values,))
        algorithm.n_envs = 1
        algorithm._setup_model()
        algorithm.set_logger(Logger(None, []))
        return algorithm

    def take_step(self, batch: Batch) -> None:
        """See `Training.take_step`."""
        share = self._objective.imagined
        if share and self.step % self._objective.every == 0:
            self._rollout = self._rolled_out(batch)
        generator = self._randomness.start(self.seed, STEP, self.step)
        buffer: PresentBatch = self._sac.replay_buffer
        buffer.present = self._transitions(batch, generator)
        if share:
            imagined = self._transitions({**batch, **self._rollout}, generator)
            buffer.present = mixed(buffer.present, imagined, share, generator)
        self._norms.clear()
        self._sac.train(gradient_steps=1, batch_size=len(buffer.present.states))
        loss = float(self._sac.logger.name_to_value["train/critic_loss"])
        losses = torch.full((self.part.count,), loss, device=self.device)
        self.watch.record(self.step, losses, torch.stack(self._norms).norm())
        if self.device.type == "cpu":
            self.require_finite()
        self._store_actor()
        self._counted()

    @torch.no_grad()
    def _rolled_out(self, batch: Batch) -> Batch:
        """Return what is another in a batch if the present policy acts in the simulation.

        Raises:
            NonFiniteError: it is not finite.
        """
        model, actor = self._trained, self._sac.actor
        frames, channels = model.problem.grid[0], model.channels

        def act(seen: Tensor, interval: int) -> Tensor:
            numbers = torch.full((len(seen), 1), interval, device=self.device)
            drawn: Tensor = actor(timed(seen, numbers, frames).flatten(1))
            return self._objective.limit * drawn.view(len(seen), channels, 1, *seen.shape[3:])

        self._randomness.start(self.seed, ROLLOUT, self.step)
        assert model.imagination is not None
        found = dict(model.imagination(model, act, self._on_device(batch)))
        if not all(part.isfinite().all() for part in found.values()):
            raise NonFiniteError(
                f"training step {self.step}: the simulation under the policy is not finite. "
                f"{self._kept()} Lower limit, or train the simulation for longer, or through more "
                "steps (stepping.unroll)"
            )
        return found

    def _clip(self, optimiser: torch.optim.Optimizer, *_: Any) -> None:
        """Bound the gradient before a step of an optimiser."""
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self._norms.append(clip_gradient(parameters, self.settings.gradient_clip))

    def _transitions(self, batch: Batch, generator: torch.Generator) -> Transitions:
        with torch.no_grad():
            request = self._trained.asked(self._on_device(batch))
            return self._objective.transitions(request, generator)

    def _validation(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """Squared errors of both critics, halved as in training, with the averaged actor."""
        self._load_actor()
        some, sac = self._transitions(batch, generator), self._sac
        controls, likelihood = sac.actor.action_log_prob(some.following)
        promised = torch.cat(sac.critic_target(some.following, controls), dim=1).amin(1)
        promised = promised - sac.log_ent_coef.exp() * likelihood
        wanted = some.rewards[:, 0] + (1 - some.ends[:, 0]) * sac.gamma * promised
        found = torch.cat(sac.critic(some.states, some.actions), dim=1)
        errors = 0.5 * (found - wanted[:, None]).square().sum(1)
        per_sample: Tensor = errors.view(len(batch["reward"]), -1).mean(1)
        return per_sample

    def validate(self, data: Data) -> float:
        """See `Training.validate`."""
        loss = super().validate(data)
        self._load_actor()  # the latest weights again
        return loss

    def _own_tensors(self) -> dict[str, Tensor]:
        sac = self._sac
        tensors = {f"sac/{name}": value for name, value in sac.policy.state_dict().items()}
        tensors["entropy"] = sac.log_ent_coef.detach()
        for part, (optimiser, parameters) in self._optimised().items():
            moments = optimiser_tensors(optimiser, parameters)
            tensors |= {f"{part}/{name}": value for name, value in moments.items()}
        return tensors | {f"rollout/{name}": part for name, part in self._rollout.items()}

    @torch.no_grad()
    def _restore_own(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        sac = self._sac
        sac.policy.load_state_dict(below("sac/", tensors))
        sac.log_ent_coef.copy_(tensors["entropy"])
        for part, (optimiser, parameters) in self._optimised().items():
            restore_optimiser(optimiser, parameters, below(f"{part}/", tensors))
        self._rollout = self._on_device(below("rollout/", tensors))

    def _optimised(self) -> dict[str, tuple[torch.optim.Optimizer, Named]]:
        """The optimisers and their parameters, each under a name of its own."""
        sac = self._sac
        return {
            "actor": (sac.actor.optimizer, dict(sac.actor.named_parameters())),
            "critic": (sac.critic.optimizer, dict(sac.critic.named_parameters())),
            "entropy": (sac.ent_coef_optimizer, {"weight": sac.log_ent_coef}),
        }

    @torch.no_grad()
    def _load_actor(self) -> None:
        """Take the actor's weights from the model."""
        for own, theirs in self._pairs():
            theirs.copy_(own)

    @torch.no_grad()
    def _store_actor(self) -> None:
        """Put the actor's weights into the model."""
        for own, theirs in self._pairs():
            own.copy_(theirs)

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Weights of the model's network, and the same of the actor, which has two last layers."""
        actor = self._sac.actor
        *hidden, last = _linear(self._objective.network.layers)
        for own, theirs in zip(hidden, _linear(actor.latent_pi), strict=True):
            yield own.weight, theirs.weight
            yield own.bias, theirs.bias
        for half, head in enumerate((actor.mu, actor.log_std)):
            yield last.weight.chunk(2)[half], head.weight
            yield last.bias.chunk(2)[half], head.bias


def _linear(layers: nn.Module) -> list[nn.Linear]:
    return [layer for layer in layers.modules() if isinstance(layer, nn.Linear)]


Trainer = SacTrainer
