import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(44)

# a citation-like graph: 900 papers in 6 fields, few labels, features that tell little about the field
n, fields, words = 900, 6, 120
field = torch.randint(0, fields, (n,))
same = field[:, None] == field[None]
p = torch.where(same, 0.022, 0.0022)
upper = torch.bernoulli(p).triu(1)
adjacency = upper + upper.T + torch.eye(n)
degree = adjacency.sum(1)
adjacency = adjacency / (degree[:, None] * degree[None]).sqrt()
profile = 0.06 + 0.10 * (torch.rand(fields, words) < 0.12)
features = torch.bernoulli(profile[field])
features = features / features.sum(1, keepdim=True).clamp(min=1) * words ** 0.5

order = torch.randperm(n)
train, val = order[:240], order[240:540]


class GraphConvolution(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_in, n_out))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, a):
        return a @ (x @ self.weight) + self.bias


class GCN(nn.Module):
    def __init__(self, hidden=24, dropout=0.5):
        super().__init__()
        self.first, self.second = GraphConvolution(words, hidden), GraphConvolution(hidden, fields)
        self.dropout = dropout

    def forward(self, x, a):
        x = F.dropout(x, self.dropout, self.training)
        x = F.relu(self.first(x, a))
        x = F.dropout(x, self.dropout, self.training)
        return self.second(x, a)


model = GCN()
optimizer = torch.optim.Adam([{"params": model.first.parameters(), "weight_decay": 1e-2},
                              {"params": model.second.parameters()}], lr=1e-2)
epochs = 150
for epoch in range(1, epochs + 1):
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(features, adjacency)[train], field[train])
    loss.backward()
    optimizer.step()
    model.eval()
    with torch.no_grad():
        out = model(features, adjacency)
        vl = F.cross_entropy(out[val], field[val])
        va = (out[val].argmax(1) == field[val]).float().mean()
    print(f"epoch {epoch:03d} train loss {loss:.4f} val loss {vl:.4f} val acc {va:.3f}")
print(f"final: val loss {vl:.3f}, val accuracy {va:.3f}")
