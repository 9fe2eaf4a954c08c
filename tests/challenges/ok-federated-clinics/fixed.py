"""Federated averaging: eight clinics with patients of different kinds train copies; only weights travel."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(9)
CLINICS, FEATURES = 8, 10
truth = nn.Sequential(nn.Linear(FEATURES, 12), nn.Tanh(), nn.Linear(12, 1)).requires_grad_(False)
for q in truth.parameters():
    q.mul_(2.5)
centre = truth(torch.randn(5000, FEATURES)).mean()


def patients(n, shift):
    x = torch.randn(n, FEATURES) + shift
    y = torch.bernoulli(torch.sigmoid(4 * (truth(x) - centre)))
    return x, y


shifts = 0.5 * torch.randn(CLINICS, FEATURES)
clinics = [patients(int(torch.randint(400, 1200, (1,))), s) for s in shifts]
held_out = [patients(250, s) for s in shifts]
val_x = torch.cat([x for x, _ in held_out])
val_y = torch.cat([y for _, y in held_out])
sizes = torch.tensor([len(x) for x, _ in clinics], dtype=torch.float32)
share = sizes / sizes.sum()

server = nn.Sequential(nn.Linear(FEATURES, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 1))


def local_training(model, x, y, lr, passes=2):
    model.train()
    opt = torch.optim.SGD(model.parameters(), lr=lr, weight_decay=2e-3)     # a new one in every round
    total, n = 0.0, 0
    for _ in range(passes):
        for b in torch.randperm(len(x)).split(32):
            loss = F.binary_cross_entropy_with_logits(model(x[b]), y[b])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total, n = total + loss.item() * len(b), n + len(b)
    return model.state_dict(), total / n


EPOCHS = 16
for rnd in range(EPOCHS):
    lr = 0.15 * (1 - rnd / EPOCHS) + 0.005
    chosen = torch.randperm(CLINICS)[:5].tolist()
    states, losses = zip(*[local_training(copy.deepcopy(server), *clinics[c], lr) for c in chosen])
    w = share[chosen] / share[chosen].sum()
    server.load_state_dict({k: sum(wi * s[k] for wi, s in zip(w, states)) for k in states[0]})
    server.eval()
    with torch.no_grad():
        out = server(val_x)
        val = F.binary_cross_entropy_with_logits(out, val_y).item()
        acc = ((out > 0).float() == val_y).float().mean().item()
    print(f"epoch {rnd + 1} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} accuracy {acc:.3f}")
