r"""Diffusion, independent of what is diffused, by which network, and of any physical system.

Data $x_0$ are noised along a time $t \in [0, 1]$ by a Gaussian kernel,

$$ x_t = \alpha_t x_0 + \sigma_t \epsilon, \qquad \epsilon \sim N(0, I), $$

with $\alpha_t^2 + \sigma_t^2 = 1$ (diffusion) or $\alpha_t + \sigma_t = 1$ (flow matching), and
drawn back by samplers that need only the estimate
$\hat x_0(x_t, t) \approx E[x_0 \mid x_t]$:

- `schedule`: $\alpha_t$, $\sigma_t$ and the log signal-to-noise ratio.
- `times`, `noise`: what a batch is noised to, and by.
- `denoiser`: a network made into $\hat x_0$, and its training loss.
- `samplers`: DDPM, DDIM, DPM-Solver++(2M), Euler and Heun, from any callable
  `denoise(x_t, t) -> x0_hat`.
- `guidance`: a denoiser made into one whose samples have low J.
"""
