import torch
import torch.nn as nn

# %% data: four years of a course in dollars
torch.manual_seed(13)
days = torch.arange(1500).float()
shocks = 0.6 * torch.randn(1500)
swing = torch.zeros(1500)
for d in range(1, 1500):
    swing[d] = 0.9 * swing[d - 1] + shocks[d]
course = 40000 + 6000 * torch.sin(days / 19) + 3000 * torch.sin(days / 7.3) + 1500 * swing
cut = 1100
data = course

# %% windows
seq_len = 20
X = data.unfold(0, seq_len + 1, 1)
x_train, y_train = X[:cut - seq_len, :-1, None], X[:cut - seq_len, -1:]
x_test, y_test = X[cut - seq_len:, :-1, None], X[cut - seq_len:, -1:]


# %% model
class LSTM(nn.Module):
    def __init__(self, input_dim=1, hidden_dim=32, output_dim=1):
        super().__init__()
        self.lstm = nn.LSTM(input_dim, hidden_dim, batch_first=True)
        self.fc = nn.Linear(hidden_dim, output_dim)

    def forward(self, x):
        out, (hn, cn) = self.lstm(x)
        return self.fc(out[:, -1, :])


model = LSTM()
criterion = nn.MSELoss(reduction="mean")
epochs = 18
optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
decay = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.8)

# %% training
for t in range(epochs):
    for rows in torch.randperm(len(x_train)).split(36):
        loss = criterion(model(x_train[rows]), y_train[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    decay.step()
    with torch.no_grad():
        val_loss = criterion(model(x_test), y_test).item()
    print("epoch", t, "MSE", loss.item(), "val loss", val_loss)

# %% error in dollars
rmse = val_loss ** 0.5
print(f"final: off by {rmse:.0f} dollars on average")
