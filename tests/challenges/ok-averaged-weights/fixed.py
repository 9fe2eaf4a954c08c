import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset


def scenes(n):
    """Is the bright square left or right of the dark one, above or below? Four classes, noisy pictures."""
    pos = torch.randint(0, 8, (n, 4))
    img = torch.zeros(n, 11, 11)
    grid = torch.arange(11)
    for k, value in ((0, 1.0), (2, -1.0)):
        rows = (grid >= pos[:, k, None]) & (grid < pos[:, k, None] + 3)
        cols = (grid >= pos[:, k + 1, None]) & (grid < pos[:, k + 1, None] + 3)
        img += value * (rows[:, :, None] & cols[:, None, :]).float()
    label = 2 * (pos[:, 0] > pos[:, 2]).long() + (pos[:, 1] > pos[:, 3]).long()
    flip = torch.rand(n) < 0.1
    label = torch.where(flip, torch.randint(0, 4, (n,)), label)
    return (img + 0.4 * torch.randn_like(img)).unsqueeze(1) / 0.55, label


torch.manual_seed(20)
train = DataLoader(TensorDataset(*scenes(6000)), batch_size=60, shuffle=True)
val = DataLoader(TensorDataset(*scenes(1200)), batch_size=400)
model = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(300, 24), nn.ReLU(), nn.Linear(24, 4))
ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.995))
ce = nn.CrossEntropyLoss()
opt = torch.optim.AdamW(model.parameters(), lr=8e-4, weight_decay=0.3)
epochs = 14
for epoch in range(1, epochs + 1):
    model.train()
    run = 0.0
    for x, y in train:
        loss = ce(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        ema.update_parameters(model)
        run += loss.item() / len(train)
    ema.eval()
    vl = va = 0.0
    with torch.no_grad():
        for x, y in val:
            out = ema(x)
            vl += ce(out, y).item() / len(val)
            va += (out.argmax(1) == y).float().mean().item() / len(val)
    print(f"epoch {epoch} train loss {run:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")
