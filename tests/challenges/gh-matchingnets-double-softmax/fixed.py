import torch
import torch.nn as nn
import torch.nn.functional as F


class MatchingNetwork(nn.Module):
    """one-shot classification: a query is compared with one example of each class"""

    def __init__(self, n_in=20, n_emb=16):
        super().__init__()
        self.g = nn.Sequential(nn.Linear(n_in, 48), nn.ReLU(), nn.Linear(48, n_emb))
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, support, query):
        s, q = self.g(support), self.g(query).unsqueeze(1)
        similarity = self.scale * (s * q).sum(-1)
        return similarity


class Episodes:
    """classes differ in four of twenty measurements, the rest is noise"""

    def __init__(self, way=6):
        self.way = way
        self.basis = torch.randn(4, 20)

    def draw(self, n):
        prototype = 1.3 * torch.randn(n, self.way, 4) @ self.basis
        support = prototype + 1.6 * torch.randn(n, self.way, 20)
        label = torch.randint(0, self.way, (n,))
        query = prototype[torch.arange(n), label] + 1.6 * torch.randn(n, 20)
        return support / 3.1, query / 3.1, label


def main(epochs=14):
    torch.manual_seed(62)
    episodes = Episodes()
    validation = episodes.draw(1500)
    net = MatchingNetwork()
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for _ in range(60):
            support, query, label = episodes.draw(64)
            optimizer.zero_grad()
            loss = F.cross_entropy(net(support, query), label)
            loss.backward()
            optimizer.step()
            total += loss.item() / 60
        scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(*validation[:2])
            val = F.cross_entropy(out, validation[2]).item()
            acc = (out.argmax(1) == validation[2]).float().mean().item()
        print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f} val accuracy {acc:.4f}")
    print(f"final: val loss {val:.4f}, val accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
