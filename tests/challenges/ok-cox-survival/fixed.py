import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(61)
rng = np.random.default_rng(seed=61)
n, n_train = 4750, 4000

x = rng.normal(size=(n, 10))
risk = 1.2 * np.sin(x[:, 0]) + 0.8 * np.maximum(x[:, 1], 0) - 0.6 * x[:, 2] + 0.4 * x[:, 3]
event_time = rng.exponential(np.exp(-risk)) * 5
censored_at = rng.uniform(1, 12, size=n)
time = np.minimum(event_time, censored_at)
event = event_time <= censored_at
x, time, event = (torch.tensor(v, dtype=torch.float32) for v in (x, time, event))


def cox_loss(log_hazard, time, event):
    """negative partial log-likelihood per event (Breslow)"""
    order = torch.argsort(time, descending=True)
    log_hazard, event = log_hazard[order], event[order]
    at_risk = torch.logcumsumexp(log_hazard, 0)
    return ((at_risk - log_hazard) * event).sum() / event.sum()


def concordance(log_hazard, time, event):
    earlier = (time[:, None] < time[None]) & (event[:, None] > 0)
    right = (log_hazard[:, None] > log_hazard[None]).float()
    return (right * earlier).sum().item() / earlier.sum().item()


net = nn.Sequential(nn.Linear(10, 24), nn.SELU(), nn.AlphaDropout(0.1), nn.Linear(24, 24), nn.SELU(), nn.AlphaDropout(0.1),
                    nn.Linear(24, 1, bias=False), nn.Flatten(0))
epochs = 8
optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
xt, tt, et = x[:n_train], time[:n_train], event[:n_train]
xv, tv, ev = x[n_train:], time[n_train:], event[n_train:]
for epoch in range(epochs):
    net.train()
    total = 0.0
    batches = torch.randperm(n_train).split(125)
    for i in batches:
        loss = cox_loss(net(xt[i]), tt[i], et[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(batches)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        h = net(xv)
        # the partial likelihood depends on how many are at risk: compare at the batches' size
        val = sum(cox_loss(h[k::6], tv[k::6], ev[k::6]).item() for k in range(6)) / 6
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} c-index {concordance(h, tv, ev):.3f}")
print(f"final: val loss {val:.3f}, c-index {concordance(h, tv, ev):.3f} (true risk {concordance(torch.tensor(risk)[n_train:], tv, ev):.3f})")
