import torch

torch.manual_seed(58)


class SumLSTM(torch.nn.Module):
    """the running total of the marked numbers"""

    def __init__(self):
        super().__init__()
        self.lstm = torch.nn.LSTM(2, 16, 1, batch_first=True)
        self.fc = torch.nn.Linear(16, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.fc(states[:, -1])


def numbers(n, length=10):
    value = torch.randn(n, length)
    marked = (torch.rand(n, length) < 0.3).float()
    total = (value * marked).sum(1, keepdim=True)
    return torch.stack([value, marked], 2), (total + 0.5 * torch.randn(n, 1)) / 1.8


x, y = numbers(2000)
x_val, y_val = numbers(600)
model = SumLSTM()
loss_fn = torch.nn.MSELoss()
epochs = 20
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    order = torch.randperm(len(x))
    for start in range(0, len(x), 50):
        rows = order[start:start + 50]
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        predicted = model(x_val)
        val = loss_fn(predicted, y_val).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f}")
print(f"final: val mse {val:.4f} (variance {y_val.var().item():.3f})")
