"""PPO on a batch of simulated rooms: heat or cool so that the temperature follows a moving wish."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Normal


class Rooms:
    horizon = 24

    def __init__(self, n, generator):
        self.n, self.g = n, generator

    def reset(self):
        self.t = 0
        self.temp = torch.randn(self.n, generator=self.g)
        self.leak = 0.1 + 0.2 * torch.rand(self.n, generator=self.g)
        self.wish = torch.randn(self.n, generator=self.g)
        self.momentum = torch.zeros(self.n)
        return self.view()

    def view(self):
        return torch.stack([self.temp, self.wish, self.momentum, self.wish - self.temp], 1)

    def step(self, action):
        self.momentum = 0.6 * self.momentum + 0.4 * action.clamp(-2, 2)
        outside = -0.5 + 0.15 * torch.randn(self.n, generator=self.g)
        self.temp = self.temp + 0.5 * self.momentum + self.leak * (outside - self.temp)
        reward = -(self.temp - self.wish).abs() - 0.02 * action ** 2
        self.t += 1
        return self.view(), reward, self.t == self.horizon


class Agent(nn.Module):
    def __init__(self, n_in=4, width=48):
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        self.critic = nn.Sequential(nn.Linear(n_in, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        self.log_std = nn.Parameter(torch.full((1,), -0.3))
        nn.init.orthogonal_(self.actor[-1].weight, 0.01)
        nn.init.zeros_(self.actor[-1].bias)

    def policy(self, obs):
        return Normal(self.actor(obs).squeeze(-1), self.log_std.exp())

    def value(self, obs):
        return self.critic(obs).squeeze(-1)


def collect(env, agent, gamma=0.9, lam=0.9):
    rows, obs, done = [], env.reset(), False
    with torch.no_grad():
        while not done:
            pi = agent.policy(obs)
            a = pi.sample()
            new, r, done = env.step(a)
            rows.append((obs, a, pi.log_prob(a), r, agent.value(obs)))
            obs = new
        nxt, run, adv = agent.value(obs), 0.0, []
        for o, a, lp, r, v in reversed(rows):
            run = r + gamma * nxt - v + gamma * lam * run
            adv.insert(0, run)
            nxt = v
    obs, act, logp, _, val = (torch.cat(c) for c in zip(*rows))
    adv = torch.cat(adv)
    return obs, act, logp, adv, adv + val


def cost(env, agent):
    obs, done, total = env.reset(), False, 0.0
    with torch.no_grad():
        while not done:
            obs, r, done = env.step(agent.policy(obs).mean)
            total -= r.mean().item()
    return total / env.horizon


torch.manual_seed(23)
env = Rooms(128, torch.Generator().manual_seed(24))
agent = Agent()
optimizer = torch.optim.Adam(agent.parameters(), lr=2e-3, eps=1e-5)
epochs = 25
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=epochs)
print(f"untrained cost {cost(Rooms(512, torch.Generator().manual_seed(99)), agent):.4f}")
for epoch in range(epochs):
    obs, act, old, adv, ret = collect(env, agent)
    adv = (adv - adv.mean()) / (adv.std() + 1e-8)
    for _ in range(4):
        for i in torch.randperm(len(obs)).split(512):
            pi = agent.policy(obs[i])
            ratio = (pi.log_prob(act[i]) - old[i]).exp()
            clipped = ratio.clamp(0.8, 1.2)
            policy_loss = -torch.min(ratio * adv[i], clipped * adv[i]).mean()
            value_loss = F.mse_loss(agent.value(obs[i]), ret[i])
            loss = policy_loss + 0.5 * value_loss - 0.002 * pi.entropy().mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), 0.5)
            optimizer.step()
    scheduler.step()
    score = cost(Rooms(512, torch.Generator().manual_seed(99)), agent)
    print(f"epoch {epoch} policy {policy_loss.item():+.4f} value {value_loss.item():.4f} val loss {score:.4f}")
print(f"final: val loss {score:.4f} (mean distance from the wish plus heating)")
