"""Restricted Boltzmann machine on the states of a switch panel, trained by contrastive divergence (CD-1)."""
import torch

torch.manual_seed(8)
V, H = 36, 20
epochs = 30
batch = 50

programmes = (torch.rand(6, V) < 0.4).float()


def panels(n):
    """Six programmes that light up switches, two of them at a time; one switch in fifty is out of line."""
    which = torch.stack([torch.randperm(6)[:2] for _ in range(n)])
    on = programmes[which].amax(1)
    flip = (torch.rand(n, V) < 0.02).float()
    return (on - flip).abs()


class RBM(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.W = torch.nn.Parameter(0.05 * torch.randn(V, H))
        self.a = torch.nn.Parameter(torch.zeros(V))
        self.b = torch.nn.Parameter(torch.zeros(H))

    def hidden(self, v):
        return torch.sigmoid(v @ self.W + self.b)

    def visible(self, h):
        return torch.sigmoid(h @ self.W.t() + self.a)

    def score(self, v):
        """Minus the pseudo-likelihood, per switch."""
        free = -(v @ self.a) - torch.nn.functional.softplus(v @ self.W + self.b).sum(1)
        total = 0.0
        for i in range(V):
            w = v.clone()
            w[:, i] = 1 - w[:, i]
            other = -(w @ self.a) - torch.nn.functional.softplus(w @ self.W + self.b).sum(1)
            total += torch.nn.functional.softplus(free - other).mean()
        return total.item() / V


train, val = panels(2000), panels(600)
rbm = RBM()
optimizer = torch.optim.SGD(rbm.parameters(), lr=0.1, momentum=0.5)
cooling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

with torch.no_grad():
    for epoch in range(1, epochs + 1):
        for v0 in train[torch.randperm(len(train))].split(batch):
            h0 = rbm.hidden(v0)
            v1 = rbm.visible(torch.bernoulli(h0))
            h1 = rbm.hidden(v1)
            n = len(v0)
            rbm.W.grad = -(v0.t() @ h0 - v1.t() @ h1) / n
            rbm.a.grad = -(v0 - v1).mean(0)
            rbm.b.grad = -(h0 - h1).mean(0)
            optimizer.step()
        cooling.step()
        wrong = ((rbm.visible(rbm.hidden(val)) > 0.5).float() != val).float().mean().item()
        print(f"epoch {epoch} train loss {rbm.score(train[:600]):.4f} val loss {rbm.score(val):.4f} switches wrong {wrong:.4f}")
