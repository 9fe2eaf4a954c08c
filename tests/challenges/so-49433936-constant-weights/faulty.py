import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons


def weights(m):
    if isinstance(m, nn.Linear):
        nn.init.constant_(m.weight, 0.1)
        nn.init.constant_(m.bias, 0.0)


class Moons(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 40)
        self.fc2 = nn.Linear(40, 20)
        self.fc3 = nn.Linear(20, 1)
        self.apply(weights)

    def forward(self, x):
        x = torch.tanh(self.fc1(x))
        x = torch.tanh(self.fc2(x))
        return self.fc3(x).squeeze(1)


def moons(n, seed):
    x, y = make_moons(n, noise=0.3, random_state=seed)
    x = torch.tensor(x, dtype=torch.float32)
    return (x - torch.tensor([0.5, 0.25])) / torch.tensor([0.92, 0.58]), torch.tensor(y, dtype=torch.float32)


torch.manual_seed(2)
train_x, train_y = moons(3000, 0)
val_x, val_y = moons(1500, 1)
model = Moons()
epochs = 30
opt = torch.optim.Adam(model.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(len(train_x)).split(100):
        loss = F.binary_cross_entropy_with_logits(model(train_x[idx]), train_y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = F.binary_cross_entropy_with_logits(out, val_y).item()
        acc = ((out > 0).float() == val_y).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} val accuracy {acc:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {acc:.4f}")
