import torch
from torch import nn

torch.manual_seed(5)
USERS, BOOKS, RATINGS = 300, 200, 12000

taste, genre = torch.randn(USERS, 3), torch.randn(BOOKS, 3)
strict, quality = 0.4 * torch.randn(USERS), 0.5 * torch.randn(BOOKS)
pairs = torch.randperm(USERS * BOOKS)[:RATINGS]
user, book = pairs // BOOKS, pairs % BOOKS
score = 0.45 * (taste[user] * genre[book]).sum(1) + strict[user] + quality[book] + 0.6 * torch.randn(RATINGS)
cut = 10000


class Recommender(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.user, self.book = nn.Embedding(USERS, dim), nn.Embedding(BOOKS, dim)
        self.user_bias, self.book_bias = nn.Embedding(USERS, 1), nn.Embedding(BOOKS, 1)
        for table in (self.user, self.book, self.user_bias, self.book_bias):
            nn.init.normal_(table.weight, std=0.1)

    def forward(self, u, b):
        return (self.user(u) * self.book(b)).sum(1) + self.user_bias(u)[:, 0] + self.book_bias(b)[:, 0]


model = Recommender(dim=48)
epochs = 40
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(cut).split(200):
        loss = mse(model(user[idx], book[idx]), score[idx])
        total += loss.item() * len(idx)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        val = mse(model(user[cut:], book[cut:]), score[cut:]).item()
    print(f"epoch {epoch + 1} train loss {total / cut:.4f} val loss {val:.4f}")
print(f"final: train loss {total / cut:.4f}, val loss {val:.4f}, variance of the scores {score[cut:].var().item():.4f}")
