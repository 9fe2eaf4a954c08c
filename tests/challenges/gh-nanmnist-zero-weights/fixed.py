import numpy as np
import torch
import torch.nn as nn


def init_weights(model):
    for name, p in model.named_parameters():
        if name.startswith("lstm.weight_hh"):
            nn.init.orthogonal_(p)
        elif p.dim() > 1:
            nn.init.xavier_uniform_(p)
        else:
            nn.init.zeros_(p)


class LoadForecast(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.lstm = nn.LSTM(input_size=2, hidden_size=hidden)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, seq):
        out, _ = self.lstm(seq.transpose(0, 1))
        return self.linear(out[-1])


def windows(series, hour, length=18):
    x = np.stack([np.stack([series[i:i + length], hour[i:i + length]], 1) for i in range(len(series) - length)])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(series[length:, None], dtype=torch.float32)


rng = np.random.default_rng(seed=36)
torch.manual_seed(36)
t = np.arange(3000)
load = 1.2 * np.sin(t * 2 * np.pi / 24) + 0.5 * np.sin(t * 4 * np.pi / 24 + 1) + np.convolve(rng.normal(0, 0.25, 3000), np.ones(3), "same")
load = load / load[:2200].std()
hour = np.cos(t * 2 * np.pi / 24)
x_train, y_train = windows(load[:2200], hour[:2200])
x_val, y_val = windows(load[2200:], hour[2200:])

model = LoadForecast(24)
init_weights(model)
loss_function = nn.MSELoss()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    perm = torch.randperm(len(x_train))
    for i in range(0, len(perm), 50):
        idx = perm[i:i + 50]
        optimizer.zero_grad()
        single_loss = loss_function(model(x_train[idx]), y_train[idx])
        single_loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val_loss = loss_function(model(x_val), y_val).item()
    print(f"epoch: {epoch:3} loss: {single_loss.item():10.8f} val loss: {val_loss:10.8f}")
print(f"final: val loss {val_loss:.4f}, variance {y_val.var().item():.2f}")
