import torch
import torch.nn as nn

# clay content of the soil from 30 bands of a field spectrometer, 160 samples from the laboratory
torch.manual_seed(11)
EPOCHS = 50
N, BANDS = 160, 30


def survey(n, mixing, coef):
    hidden = torch.randn(n, 6)
    bands = hidden @ mixing + 0.7 * torch.randn(n, BANDS)
    clay = hidden @ coef + 0.5 * torch.tanh(2 * hidden[:, 0] * hidden[:, 1]) + 0.8 * torch.randn(n)
    return bands, clay.unsqueeze(1)


mixing, coef = torch.randn(6, BANDS) / 2, torch.tensor([0.7, 0.5, -0.5, 0.4, 0.3, 0.0])
x_train, y_train = survey(N, mixing, coef)
x_val, y_val = survey(1000, mixing, coef)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_val = (x_train - mean) / std, (x_val - mean) / std

net = nn.Sequential(
    nn.Linear(BANDS, 256), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(256, 256), nn.ReLU(), nn.Dropout(0.5),
    nn.Linear(256, 1),
)
optim = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=0.3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optim, EPOCHS)
loss_fn = nn.MSELoss()

for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for idx in torch.randperm(N).split(20):
        loss = loss_fn(net(x_train[idx]), y_train[idx])
        optim.zero_grad()
        loss.backward()
        optim.step()
        total += loss.item() * len(idx) / N
    schedule.step()
    net.eval()
    with torch.no_grad():
        fit = loss_fn(net(x_train), y_train).item()
        val = loss_fn(net(x_val), y_val).item()
    r2 = 1 - val / y_val.var().item()
    print(f"epoch {epoch} train loss {fit:.4f} val loss {val:.4f} val R2 {r2:.3f}")
