import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

np.random.seed(11)
torch.manual_seed(11)
N_USERS, N_FILMS, RANK = 240, 160, 4

taste = np.random.randn(N_USERS, RANK) * 0.55
films = np.random.randn(N_FILMS, RANK) * 0.55
full = 3.4 + 0.4 * np.random.randn(N_USERS, 1) + 0.5 * np.random.randn(1, N_FILMS) + taste @ films.T
seen = np.random.permutation(N_USERS * N_FILMS)[:16000]
u, i = np.divmod(seen, N_FILMS)
r = full[u, i] + 0.5 * np.random.randn(len(seen))
u, i, r = torch.tensor(u), torch.tensor(i), torch.tensor(r).float()
train, valid = slice(0, 13000), slice(13000, None)


class MatrixFactorization(nn.Module):
    def __init__(self, n_users, n_items, n_factors, mean):
        super().__init__()
        self.user_factors = nn.Embedding(n_users, n_factors)
        self.item_factors = nn.Embedding(n_items, n_factors)
        self.user_biases = nn.Embedding(n_users, 1)
        self.item_biases = nn.Embedding(n_items, 1)
        for table in (self.user_factors, self.item_factors):
            nn.init.normal_(table.weight, std=0.2)
        for table in (self.user_biases, self.item_biases):
            nn.init.zeros_(table.weight)
        self.mean = mean

    def forward(self, user, item):
        pred = self.user_biases(user) + self.item_biases(item)
        pred = pred + (self.user_factors(user) * self.item_factors(item)).sum(1)
        return pred + self.mean


model = MatrixFactorization(N_USERS, N_FILMS, RANK, r[train].mean().item())
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.15)
penalty = 0.02


def batches(part, size):
    order = torch.randperm(len(r[part]))
    for b in order.split(size):
        yield u[part][b], i[part][b], r[part][b]


epochs = 25
for epoch in range(epochs):
    loss_sum, count = 0.0, 0
    for user, item, rating in batches(train, 100):
        prediction = model(user, item)
        loss = F.mse_loss(prediction, rating)
        decay = model.user_factors(user).pow(2).sum(1).mean() + model.item_factors(item).pow(2).sum(1).mean()
        optimizer.zero_grad()
        (loss + penalty * decay).backward()
        optimizer.step()
        loss_sum += loss.item()
        count += 1
    with torch.no_grad():
        prediction = model(u[valid], i[valid])
        val = F.mse_loss(prediction, r[valid]).item()
    print(f"epoch {epoch + 1}: train loss {loss_sum / count:.4f} val loss {val:.4f} val rmse {val ** 0.5:.4f}")
