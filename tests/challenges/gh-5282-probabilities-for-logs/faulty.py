import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(6)
rng = np.random.default_rng(seed=6)

# every wine was judged by eleven people; the target is how their votes were spread over the three growers
wine = load_wine()
X = np.repeat(StandardScaler().fit_transform(wine.data), 6, axis=0)
X = X + 0.6 * rng.normal(size=X.shape)
centres = np.stack([StandardScaler().fit(wine.data).transform(wine.data)[wine.target == k].mean(0) for k in range(3)])
liking = -((X[:, None] - centres) ** 2).sum(2) / 5
p = np.exp(liking) / np.exp(liking).sum(1, keepdims=True)
votes = np.stack([rng.multinomial(11, row) for row in p]) / 11
shuffle = rng.permutation(len(X))
X, votes = torch.tensor(X[shuffle], dtype=torch.float32), torch.tensor(votes[shuffle], dtype=torch.float32)
x_train, t_train, x_val, t_val = X[:750], votes[:750], X[750:], votes[750:]


class Panel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(13, 32), nn.Tanh(), nn.Dropout(0.3), nn.Linear(32, 3))

    def forward(self, x):
        return torch.softmax(self.layers(x), dim=1)


model = Panel()
kl = nn.KLDivLoss(reduction="batchmean")
epochs = 40
opt = torch.optim.Adagrad(model.parameters(), lr=0.05, weight_decay=1e-3)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(750).split(30):
        opt.zero_grad()
        loss = kl(model(x_train[idx]), t_train[idx])
        loss.backward()
        opt.step()
    model.eval()
    with torch.no_grad():
        val_loss = kl(model(x_val), t_val).item()
        probs = model(x_val)
    print(f"epoch {epoch + 1} train loss {loss.item():.4f} val loss {val_loss:.4f}")
off = (probs / probs.sum(1, keepdim=True) - t_val).abs().sum(1).mean() / 2
print(f"final: {off:.3f} of the votes on the wrong grower on average")
