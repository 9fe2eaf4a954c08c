# makemore, part 3, on village names
import torch
import torch.nn.functional as F

SEED = 2147
g = torch.Generator().manual_seed(SEED)

heads = "ash birch black brad clay cold dun east ford green hal hart holm kirk lang lin mar mil nor oak ox pen raven ruth sand shel stan stoke swan thorn up wal wes whit win wood".split()
middles = ["", "", "", "er", "ing", "le", "en", "low", "ham"]
tails = "bury by combe dale den don field ford gate ham hurst ley mere minster mouth port stead stoke thorpe ton wall well wick worth".split()


def pick(options):
    return options[torch.randint(len(options), (1,), generator=g).item()]


words = sorted({pick(heads) + pick(middles) + pick(tails) for _ in range(2600)})
order = torch.randperm(len(words), generator=g).tolist()
words = [words[i] for i in order]
stoi = {c: i + 1 for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")}
stoi["."] = 0
block_size = 5


def build_dataset(words):
    X, Y = [], []
    for w in words:
        context = [0] * block_size
        for ch in w + ".":
            X.append(context)
            Y.append(stoi[ch])
            context = context[1:] + [stoi[ch]]
    return torch.tensor(X), torch.tensor(Y)


n = int(0.85 * len(words))
Xtr, Ytr = build_dataset(words[:n])
Xva, Yva = build_dataset(words[n:])

n_embd, n_hidden = 12, 100
C = torch.randn((27, n_embd), generator=g)
W1 = torch.randn((n_embd * block_size, n_hidden), generator=g)
b1 = torch.randn(n_hidden, generator=g) * 0.01
W2 = torch.randn((n_hidden, n_hidden), generator=g)
b2 = torch.randn(n_hidden, generator=g) * 0.01
W3 = torch.randn((n_hidden, 27), generator=g) * 0.01
b3 = torch.zeros(27)
parameters = [C, W1, b1, W2, b2, W3, b3]
for p in parameters:
    p.requires_grad_()


def forward(X):
    emb = C[X].flatten(1)
    h = torch.tanh(emb @ W1 + b1)
    h = torch.tanh(h @ W2 + b2)
    return h @ W3 + b3


epochs = 12
for epoch in range(epochs):
    lr = 0.1 if epoch < 0.6 * epochs else 0.02
    total, count = 0.0, 0
    for ix in torch.randperm(len(Xtr), generator=g).split(64):
        loss = F.cross_entropy(forward(Xtr[ix]), Ytr[ix])
        for p in parameters:
            p.grad = None
        loss.backward()
        for p in parameters:
            p.data -= lr * p.grad
        total += loss.item()
        count += 1
    with torch.no_grad():
        logits = forward(Xva)
        val = F.cross_entropy(logits, Yva).item()
        hits = (logits.argmax(1) == Yva).float().mean().item()
    print(f"epoch {epoch} train loss {total / count:.4f} val loss {val:.4f} next letter right {hits:.3f}")
