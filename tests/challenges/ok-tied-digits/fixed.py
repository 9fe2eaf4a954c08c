import torch
from sklearn.datasets import load_digits
from torch import nn
import torch.nn.functional as F


class TiedAutoencoder(nn.Module):
    """the decoder uses the encoder's matrices, turned over"""

    def __init__(self, sizes=(64, 48, 12)):
        super().__init__()
        self.weights = nn.ParameterList([nn.Parameter(torch.randn(o, i) / i ** 0.5) for i, o in zip(sizes, sizes[1:])])
        self.down = nn.ParameterList([nn.Parameter(torch.zeros(o)) for o in sizes[1:]])
        self.up = nn.ParameterList([nn.Parameter(torch.zeros(i)) for i in sizes[:-1]])

    def encode(self, x):
        x = torch.tanh(F.linear(x, self.weights[0], self.down[0]))
        return F.linear(x, self.weights[1], self.down[1])

    def decode(self, code):
        x = torch.tanh(F.linear(code, self.weights[1].t(), self.up[1]))
        return F.linear(x, self.weights[0].t(), self.up[0])

    def forward(self, x):
        return self.decode(self.encode(x))


torch.manual_seed(35)
epochs = 45
x = torch.tensor(load_digits().data, dtype=torch.float32) / 8 - 1
x = x[torch.randperm(len(x))]
x = x + 0.3 * torch.randn_like(x)
x, x_val = x[:1400], x[1400:]
model = TiedAutoencoder()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(x)).split(40):
        loss = F.mse_loss(model(x[idx]), x[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    scheduler.step()
    with torch.no_grad():
        val_loss = F.mse_loss(model(x_val), x_val).item()
    print(f"epoch {epoch + 1} loss {total:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, variance of a pixel {x_val.var(0).mean().item():.4f}")
