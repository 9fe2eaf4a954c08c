import torch
from torch import nn

torch.manual_seed(24)
x = torch.linspace(-10, 10, 3000)
y = x ** 3 + x ** 2 + x + 120 * torch.sin(9 * x) + 40 * torch.randn(3000)

past, future = 20, 5
blocks = y.view(30, 100).unfold(1, past + future, 1)
blocks = blocks[torch.randperm(30)]
window = blocks.reshape(-1, past + future)
params, targets = window[:, :past], window[:, past:]
cut = len(window) * 22 // 30


class Forecast(nn.Module):
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.randn(past, 32) * 0.2)
        self.bias = nn.Parameter(torch.zeros(32))
        self.read = nn.Linear(32, future)

    def forward(self, p):
        return self.read(torch.relu(p @ self.weights + self.bias))


model = Forecast()
loss_fn = nn.MSELoss()
epochs = 16
sgd = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
decay = torch.optim.lr_scheduler.PolynomialLR(sgd, epochs)
for i in range(epochs):
    for batch in torch.randperm(cut).split(45):
        loss = loss_fn(model(params[batch]), targets[batch])
        sgd.zero_grad()
        loss.backward()
        sgd.step()
    decay.step()
    with torch.no_grad():
        val_loss = loss_fn(model(params[cut:]), targets[cut:]).item()
    print(f"epoch {i + 1} loss {loss.item():.5g} val loss {val_loss:.5g}")
print(f"final: unexplained share of the variance {val_loss / targets[cut:].var().item():.4g}")
