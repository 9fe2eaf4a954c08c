import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(27)
DAYS, SHOPS = 25, 64
ORDERS = torch.tensor([0.0, 3.0, 6.0, 9.0])
epochs = 25


def demand(n, generator):
    season = 4 + 3 * torch.sin(torch.arange(DAYS) / DAYS * 12.6 + 6.28 * torch.rand(n, 1, generator=generator))
    return torch.poisson(season, generator=generator), season


def observe(stock, season, day):
    return torch.stack([stock / 10, season[:, day] / 5 - 0.8], 1)


def day_cost(stock, wanted):
    sold = torch.minimum(stock, wanted)
    left = stock - sold
    return left, 0.2 * left + 1.0 * (wanted - sold)


policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, len(ORDERS)))
critic = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam([{"params": policy.parameters(), "lr": 1e-2}, {"params": critic.parameters(), "lr": 1e-2}])
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=epochs)
g = torch.Generator().manual_seed(27)
val_wanted, val_season = demand(400, torch.Generator().manual_seed(1))


@torch.no_grad()
def validate():
    stock, total = torch.full((400,), 5.0), 0.0
    for day in range(DAYS):
        stock = (stock + ORDERS[policy(observe(stock, val_season, day)).argmax(1)]).clamp(max=20)
        stock, cost = day_cost(stock, val_wanted[:, day])
        total += cost.mean().item()
    return total / DAYS


before = validate()
for epoch in range(epochs):
    running = 0.0
    for _ in range(6):
        wanted, season = demand(SHOPS, g)
        stock, logp, entropy, costs, seen = torch.full((SHOPS,), 5.0), [], [], [], []
        for day in range(DAYS):
            x = observe(stock, season, day)
            choice = Categorical(logits=policy(x))
            action = choice.sample()
            stock, cost = day_cost((stock + ORDERS[action]).clamp(max=20), wanted[:, day])
            logp.append(choice.log_prob(action))
            entropy.append(choice.entropy())
            costs.append(cost)
            seen.append(x)
        returns, tail = [], torch.zeros(SHOPS)
        for cost in reversed(costs):
            tail = 0.8 * tail - cost
            returns.insert(0, tail)
        returns = torch.stack(returns) / 4
        value = critic(torch.stack(seen)).squeeze(-1)
        advantage = (returns - value).detach()
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-6)
        loss = -(torch.stack(logp) * advantage).mean() + 0.5 * (value - returns).pow(2).mean() - 0.01 * torch.stack(entropy).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        running += torch.stack(costs).mean().item() / 6
    scheduler.step()
    print(f"epoch {epoch + 1} cost while learning {running:.3f} val loss {validate():.3f}")
print(f"final: cost per day {validate():.3f} (before training {before:.3f})")
