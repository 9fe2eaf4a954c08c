import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(40)
DISTRICTS, TYPES = 25, 6
premium = torch.randn(DISTRICTS) * 0.6
kinds = torch.randn(TYPES) * 0.4


def adverts(n):
    district, kind = torch.randint(0, DISTRICTS, (n,)), torch.randint(0, TYPES, (n,))
    numbers = torch.randn(n, 3)          # area, storey, age, all standardised
    rent = premium[district] + kinds[kind] + 0.8 * numbers[:, 0] - 0.3 * numbers[:, 2] * (kind > 2) \
        + 0.2 * numbers[:, 1] * premium[district] + 0.3 * torch.randn(n)
    return district, kind, numbers, rent


class RentModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.district = nn.Embedding(DISTRICTS, 6)
        self.kind = nn.Embedding(TYPES, 3)
        self.layers = nn.Sequential(nn.Linear(12, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, district, kind, numbers):
        return self.layers(torch.cat([self.district(district), self.kind(kind), numbers], dim=1)).squeeze(1)

    def training_step(self, batch):
        *inputs, rent = batch
        return F.mse_loss(self(*inputs), rent)

    @torch.no_grad()
    def validation_step(self, batch):
        *inputs, rent = batch
        out = self(*inputs)
        mae = (out.flatten() - rent).abs().mean()
        return F.mse_loss(out, rent), mae

    def configure_optimizers(self):
        return torch.optim.Adagrad(self.parameters(), lr=0.03)


train, val = adverts(3000), adverts(1000)
model = RentModel()
optimizer = model.configure_optimizers()
epochs = 25
for epoch in range(1, epochs + 1):
    order = torch.randperm(len(train[0]))
    losses = []
    for rows in order.split(64):
        loss = model.training_step([column[rows] for column in train])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    val_loss, mae = model.validation_step(val)
    print(f"epoch {epoch}: train loss {torch.stack(losses).mean():.4f}, val loss {val_loss:.4f}, mean error {mae:.3f}")
