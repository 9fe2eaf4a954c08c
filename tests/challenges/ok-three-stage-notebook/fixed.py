# %% [markdown]
# # Beeps, chirps and hums

# %%
import torch
import torch.nn as nn

torch.manual_seed(16)

# %%
def sounds(n, length=96):
    kind = torch.randint(0, 4, (n,))
    t = torch.linspace(0, 1, length)[None]
    f = 6 + 6 * torch.rand(n, 1)
    sweep = torch.tensor([0.0, 6.0, -4.0, 0.0])[kind][:, None]
    tone = torch.sin(6.283 * (f * t + sweep * t ** 2 + torch.rand(n, 1)))
    envelope = torch.where((kind == 3)[:, None], (torch.sin(25 * t) > 0).float() * 1.4, torch.ones_like(t))
    return (tone * envelope + 0.9 * torch.randn(n, length))[:, None], kind


X_train, y_train = sounds(1600)
X_val, y_val = sounds(600)
print(X_train.shape, y_train.bincount())

# %%
net = nn.Sequential(
    nn.Conv1d(1, 12, 9, padding=4), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(12, 16, 9, padding=4), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(16, 16, 9, padding=4), nn.BatchNorm1d(16), nn.ReLU(), nn.AdaptiveAvgPool1d(4),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(64, 4),
)

# %% does one batch go through?
net.eval()
with torch.no_grad():
    print(net(X_val[:5]).shape)

# %%
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
epochs = 12
opt = torch.optim.NAdam(net.parameters(), lr=4e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.PolynomialLR(opt, epochs, power=1.5)
history = []
for epoch in range(epochs):
    net.train()
    losses = []
    for i in torch.randperm(len(X_train)).split(40):
        opt.zero_grad()
        loss = loss_fn(net(X_train[i]), y_train[i])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(X_val)
    history.append(loss_fn(out, y_val).item())
    print(f"epoch {epoch + 1}: loss {sum(losses) / len(losses):.4f}, val loss {history[-1]:.4f}, acc {(out.argmax(1) == y_val).float().mean():.3f}")

# %%
print(f"final: val loss {history[-1]:.4f}, best {min(history):.4f}")
