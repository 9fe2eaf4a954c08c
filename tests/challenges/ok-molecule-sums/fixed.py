import torch
import torch.nn as nn

torch.manual_seed(77)
KINDS = 5
worth, bond = torch.randn(KINDS), torch.randn(KINDS, KINDS)
bond = bond + bond.T


def molecule():
    """a chain of five to ten atoms with one or two rings closed; the property adds atoms, bonds and an error"""
    n = int(torch.randint(5, 11, ()))
    atoms = torch.randint(KINDS, (n,))
    edges = [(i, i + 1) for i in range(n - 1)]
    for _ in range(int(torch.randint(1, 3, ()))):
        a, b = torch.randperm(n)[:2].tolist()
        edges.append((a, b))
    e = torch.tensor(edges).T
    y = worth[atoms].sum() + bond[atoms[e[0]], atoms[e[1]]].sum() + 1.5 * torch.randn(())
    return atoms, torch.cat([e, e.flip(0)], 1), y


def collate(molecules):
    sizes = torch.tensor([len(a) for a, _, _ in molecules])
    start = sizes.cumsum(0) - sizes
    atoms = torch.cat([a for a, _, _ in molecules])
    edges = torch.cat([e + s for (_, e, _), s in zip(molecules, start)], 1)
    owner = torch.repeat_interleave(torch.arange(len(molecules)), sizes)
    return atoms, edges, owner, torch.stack([y for _, _, y in molecules])


class MessagePassing(nn.Module):
    def __init__(self, width=32, rounds=2):
        super().__init__()
        self.embed = nn.Embedding(KINDS, width)
        self.messages = nn.ModuleList(nn.Sequential(nn.Linear(2 * width, width), nn.ReLU()) for _ in range(rounds))
        self.readout = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, atoms, edges, owner):
        h = self.embed(atoms)
        for message in self.messages:
            m = message(torch.cat([h[edges[0]], h[edges[1]]], 1))
            h = h + torch.zeros_like(h).index_add(0, edges[1], m)
        per_atom = self.readout(h).squeeze(1)
        return torch.zeros(int(owner.max()) + 1).index_add(0, owner, per_atom) / 4


data = [molecule() for _ in range(1800)]
mean = torch.stack([y for _, _, y in data[:1300]]).mean()
std = torch.stack([y for _, _, y in data[:1300]]).std()
data = [(a, e, (y - mean) / std) for a, e, y in data]
validation = collate(data[1300:])
model = MessagePassing()
epochs = 18
criterion = nn.SmoothL1Loss()
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3, amsgrad=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for rows in torch.randperm(1300).split(50):
        atoms, edges, owner, y = collate([data[i] for i in rows])
        loss = criterion(model(atoms, edges, owner), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows) / 1300
    scheduler.step()
    with torch.no_grad():
        v = criterion(model(*validation[:3]), validation[3]).item()
    print(f"epoch {epoch + 1} loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}")
