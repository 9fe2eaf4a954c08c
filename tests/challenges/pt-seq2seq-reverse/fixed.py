import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(8)
VOCAB, LENGTH, START = 8, 7, 8
epochs = 10


def pairs(n):
    """words and how a clerk with a few typing errors writes them backwards"""
    src = torch.randint(0, VOCAB, (n, LENGTH))
    typo = torch.rand(n, LENGTH) < 0.1
    tgt = torch.where(typo, torch.randint(0, VOCAB, (n, LENGTH)), src.flip(1))
    return src, tgt


class Encoder(nn.Module):
    def __init__(self, emb=16, hidden=64):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)

    def forward(self, src):
        _, h = self.gru(self.embedding(src))
        return h


class Decoder(nn.Module):
    def __init__(self, emb=16, hidden=64):
        super().__init__()
        self.embedding = nn.Embedding(VOCAB + 1, emb)
        self.gru = nn.GRU(emb, hidden, batch_first=True)
        self.out = nn.Linear(hidden, VOCAB)

    def forward(self, tgt, h):
        previous = torch.cat([torch.full((len(tgt), 1), START), tgt[:, :-1]], 1)
        o, _ = self.gru(self.embedding(previous), h)
        return self.out(o)


def loss_and_accuracy(src, tgt):
    logits = decoder(tgt, encoder(src))
    loss = F.cross_entropy(logits.flatten(0, 1), tgt.flatten())
    return loss, (logits.argmax(-1) == tgt).float().mean().item()


src, tgt = pairs(13000)
src_val, tgt_val = pairs(2000)
encoder, decoder = Encoder(), Decoder()
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()), lr=6e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    losses = []
    for idx in torch.randperm(len(src)).split(160):
        loss, _ = loss_and_accuracy(src[idx], tgt[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        val, acc = loss_and_accuracy(src_val, tgt_val)
    print(f"epoch {epoch} train loss {sum(losses) / len(losses):.4f} val loss {val.item():.4f} letters right {acc:.3f}")
