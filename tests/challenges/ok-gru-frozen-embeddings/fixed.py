import numpy as np
import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence

torch.manual_seed(14)
rng = np.random.default_rng(14)
WORDS, TOPICS, LONGEST = 200, 5, 20
EPOCHS = 10

topic_words = rng.dirichlet(np.full(WORDS, 0.25), size=TOPICS)


def reports(n):
    """short reports that drift from one topic to another; label: the topic they end with"""
    ids, length = np.zeros((n, LONGEST), dtype=np.int64), rng.integers(8, LONGEST + 1, n)
    first, last = rng.integers(0, TOPICS, n), rng.integers(0, TOPICS, n)
    for k in range(n):
        half = length[k] // 2
        ids[k, :half] = 1 + rng.choice(WORDS, half, p=topic_words[first[k]])
        ids[k, half:length[k]] = 1 + rng.choice(WORDS, length[k] - half, p=topic_words[last[k]])
    label = np.where(rng.random(n) < 0.05, rng.integers(0, TOPICS, n), last)
    return torch.tensor(ids), torch.tensor(length), torch.tensor(label)


def word_vectors(ids, dim=16):
    """word vectors from the co-occurrence counts of an unlabelled corpus"""
    count = np.zeros((len(ids), WORDS + 1))
    for k, row in enumerate(ids.numpy()):
        np.add.at(count[k], row, 1)
    count[:, 0] = 0
    co = np.log1p(count.T @ count)
    u, s, _ = np.linalg.svd(co - co.mean())
    v = u[:, :dim] * np.sqrt(s[:dim])
    v = (v - v.mean(0)) / v.std(0)
    v[0] = 0
    return torch.tensor(v, dtype=torch.float32)


class ReportClassifier(nn.Module):
    def __init__(self, vectors, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(vectors, freeze=True, padding_idx=0)
        self.gru = nn.GRU(vectors.size(1), hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.out = nn.Linear(hidden, TOPICS)

    def forward(self, ids, length):
        packed = pack_padded_sequence(self.embedding(ids), length, batch_first=True, enforce_sorted=False)
        _, h = self.gru(packed)
        return self.out(self.drop(h[-1]))


vectors = word_vectors(reports(3000)[0])
ids, length, label = reports(4000)
ids_val, length_val, label_val = reports(1000)
model = ReportClassifier(vectors)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
opt = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for b in torch.randperm(len(ids)).split(80):
        loss = loss_fn(model(ids[b], length[b]), label[b])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.5)
        opt.step()
        total += loss.item() * len(b) / len(ids)
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(ids_val, length_val)
        vl = loss_fn(out, label_val).item()
        acc = (out.argmax(1) == label_val).float().mean().item()
    print(f"epoch {epoch:2d} train loss {total:.4f} val loss {vl:.4f} accuracy {acc:.3f}")
