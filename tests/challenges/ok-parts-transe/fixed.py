import argparse
import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--epochs", type=int, default=60)
ap.add_argument("--dim", type=int, default=12)
ap.add_argument("--margin", type=float, default=1.0)
ap.add_argument("--seed", type=int, default=4)
args = ap.parse_args()
torch.manual_seed(args.seed)

# a catalogue of spare parts on a grid: "next size up", "other thread", "longer", "fits under" are moves on the grid
SIDE = 9
grid = torch.cartesian_prod(torch.arange(SIDE), torch.arange(SIDE), torch.arange(3))
moves = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [2, -1, 0]])
number = {tuple(p.tolist()): i for i, p in enumerate(grid)}
facts = []
for i, p in enumerate(grid):
    for r, m in enumerate(moves):
        j = number.get(tuple((p + m).tolist()))
        if j is not None:
            facts.append((i, r, j))
facts = torch.tensor(facts)[torch.randperm(len(facts))]
train, val = facts[:-150], facts[-150:]


class TransE(nn.Module):
    def __init__(self, entities, relations, dim):
        super().__init__()
        self.entity = nn.Embedding(entities, dim)
        self.relation = nn.Embedding(relations, dim)
        nn.init.uniform_(self.entity.weight, -0.5, 0.5)
        nn.init.uniform_(self.relation.weight, -0.5, 0.5)

    def distance(self, h, r, t):
        return (self.entity(h) + self.relation(r) - self.entity(t)).norm(dim=-1)


model = TransE(len(grid), len(moves), args.dim)
rank_loss = nn.MarginRankingLoss(args.margin)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.3)
wrong_val = torch.randint(0, len(grid), (len(val), 20))


def ranked(f, wrong):
    near = model.distance(f[:, 0:1], f[:, 1:2], f[:, 2:3])
    far = model.distance(f[:, 0:1], f[:, 1:2], wrong)
    return rank_loss(far, near.expand_as(far), torch.ones_like(far))


for epoch in range(1, args.epochs + 1):
    total = 0.0
    for rows in torch.randperm(len(train)).split(64):
        loss = ranked(train[rows], torch.randint(0, len(grid), (len(rows), 10)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            norm = model.entity.weight.norm(dim=1, keepdim=True).clamp(min=1)
            model.entity.weight.div_(norm)
        total += loss.item() * len(rows) / len(train)
    with torch.no_grad():
        vloss = ranked(val, wrong_val).item()
        all_t = torch.arange(len(grid)).expand(len(val), -1)
        d = model.distance(val[:, 0:1], val[:, 1:2], all_t)
        hits = (d.argsort(1)[:, :5] == val[:, 2:3]).any(1).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {vloss:.4f} hits at 5 {hits:.3f}")
