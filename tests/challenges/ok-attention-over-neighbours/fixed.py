"""Which people of a company belong to which trade, told from a few noisy answers and who works with whom."""
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(8)
N, TRADES, ANSWERS = 900, 4, 24


def company():
    trade = torch.randint(0, TRADES, (N,))
    same = trade[:, None] == trade[None]
    prob = torch.where(same, 14.0 / N, 2.0 / N)
    upper = torch.triu(torch.rand(N, N) < prob, 1)
    adjacency = upper | upper.T | torch.eye(N, dtype=torch.bool)
    typical = torch.randn(TRADES, ANSWERS) * 0.35
    return typical[trade] + torch.randn(N, ANSWERS), adjacency, trade


class GraphAttention(nn.Module):
    def __init__(self, n_in, n_out, heads):
        super().__init__()
        self.lin = nn.Linear(n_in, heads * n_out, bias=False)
        self.src = nn.Parameter(torch.randn(heads, n_out) * 0.3)
        self.dst = nn.Parameter(torch.randn(heads, n_out) * 0.3)
        self.heads, self.n_out = heads, n_out

    def forward(self, x, edges):
        h = self.lin(x).view(-1, self.heads, self.n_out)
        to, frm = edges
        e = F.leaky_relu((h * self.src).sum(2)[frm] + (h * self.dst).sum(2)[to], 0.2)
        e = (e - e.max()).exp()
        total = torch.zeros(len(x), self.heads).index_add(0, to, e)
        weight = e / total[to]
        return torch.zeros_like(h).index_add(0, to, weight.unsqueeze(2) * h[frm])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = GraphAttention(ANSWERS, 8, 4)
        self.second = GraphAttention(32, TRADES, 2)

    def forward(self, x, edges):
        x = F.dropout(x, 0.3, self.training)
        x = F.elu(self.first(x, edges).flatten(1))
        x = F.dropout(x, 0.5, self.training)
        return self.second(x, edges).mean(1)


x, adjacency, trade = company()
x = (x - x.mean(0)) / x.std(0)
edges = adjacency.nonzero().T
order = torch.randperm(N)
train, val = order[:500], order[500:]
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=1e-3)
epochs = 100
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)

for epoch in range(epochs):
    net.train()
    loss = F.cross_entropy(net(x, edges)[train], trade[train])
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(x, edges)[val]
        val_loss = F.cross_entropy(out, trade[val]).item()
        acc = (out.argmax(1) == trade[val]).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} acc {acc:.3f}")
print(f"final: val loss {val_loss:.4f} acc {acc:.3f}")
