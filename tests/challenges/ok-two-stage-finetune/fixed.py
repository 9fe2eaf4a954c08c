import torch
import torch.nn as nn
import torch.nn.functional as F

MASK = 0


class Body(nn.Module):
    def __init__(self, dim=24):
        super().__init__()
        self.token = nn.Embedding(21, dim)
        self.place = nn.Parameter(0.1 * torch.randn(10, dim))
        layer = nn.TransformerEncoderLayer(dim, 2, 48, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, x):
        return self.encoder(self.token(x) + self.place)


def sequences(n):
    """every sequence uses words of one of four topics, more or less"""
    topic = torch.randint(0, 4, (n,))
    own = topic.view(-1, 1) * 5 + torch.randint(1, 6, (n, 10))
    x = torch.where(torch.rand(n, 10) < 0.45, own, torch.randint(1, 21, (n, 10)))
    return x, topic


def pretrain(body, x, rounds):
    guess = nn.Linear(24, 21)
    opt = torch.optim.Adam([*body.parameters(), *guess.parameters()], lr=3e-3)
    for r in range(rounds):
        for idx in torch.randperm(len(x)).split(64):
            hidden = torch.rand(len(idx), 10) < 0.2
            out = guess(body(x[idx].masked_fill(hidden, MASK)))
            loss = F.cross_entropy(out[hidden], x[idx][hidden])
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f"pretraining {r + 1} loss {loss.item():.4f}")


def finetune(body, head, train, val, epochs=9):
    opt = torch.optim.AdamW([{"params": body.parameters(), "lr": 5e-4}, {"params": head.parameters(), "lr": 5e-3}], weight_decay=0.01)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        body.train()
        for idx in torch.randperm(len(train[0])).split(50):
            loss = F.cross_entropy(head(body(train[0][idx]).mean(1)), train[1][idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        body.eval()
        with torch.no_grad():
            out = head(body(val[0]).mean(1))
            vl = F.cross_entropy(out, val[1]).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f} val accuracy {(out.argmax(1) == val[1]).float().mean().item():.3f}")
    return vl


torch.manual_seed(48)
body = Body()
pretrain(body, sequences(2500)[0], 4)
print(f"final: val loss {finetune(body, nn.Linear(24, 4), sequences(2000), sequences(800)):.4f}")
