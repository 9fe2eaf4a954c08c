import torch
import torch.nn as nn

torch.manual_seed(37)
TAGS, WORDS, T = 5, 60, 12

# tags follow a Markov chain; a word tells its tag only in part
TRANSITION = torch.distributions.Dirichlet(torch.full((TAGS,), 0.4)).sample((TAGS,))
EMISSION = torch.distributions.Dirichlet(torch.full((WORDS,), 0.08)).sample((TAGS,))


def sentences(n):
    tags = torch.zeros(n, T, dtype=torch.long)
    tags[:, 0] = torch.randint(0, TAGS, (n,))
    for t in range(1, T):
        tags[:, t] = torch.multinomial(TRANSITION[tags[:, t - 1]], 1).squeeze(1)
    words = torch.multinomial(EMISSION[tags.flatten()], 1).view(n, T)
    noise = torch.rand(n, T) < 0.25
    return torch.where(noise, torch.randint(0, WORDS, (n, T)), words), tags


class Tagger(nn.Module):
    """a small convolution over embeddings and a linear-chain CRF on top"""

    def __init__(self, dim=16, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(WORDS, dim)
        self.conv = nn.Conv1d(dim, hidden, 3, padding=1)
        self.score = nn.Linear(hidden, TAGS)
        self.pairs = nn.Parameter(torch.zeros(TAGS, TAGS))
        self.drop = nn.Dropout(0.2)

    def scores(self, words):
        h = self.conv(self.embed(words).transpose(1, 2)).transpose(1, 2)
        return self.score(self.drop(torch.relu(h)))             # (batch, T, tags)

    def forward(self, words, tags):
        """negative log-likelihood of the tags per word"""
        e = self.scores(words)
        path = e.gather(2, tags[..., None]).sum((1, 2)) + self.pairs[tags[:, :-1], tags[:, 1:]].sum(1)
        alpha = e[:, 0]
        for t in range(1, T):
            alpha = torch.logsumexp(alpha[:, :, None] + self.pairs, 1) + e[:, t]
        return (torch.logsumexp(alpha, 1) - path).mean() / T

    def decode(self, words):
        e = self.scores(words)
        best, back = e[:, 0], []
        for t in range(1, T):
            value, where = (best[:, :, None] + self.pairs).max(1)
            best = value + e[:, t]
            back.append(where)
        tag = best.argmax(1)
        path = [tag]
        for where in reversed(back):
            tag = where.gather(1, tag[:, None]).squeeze(1)
            path.append(tag)
        return torch.stack(path[::-1], 1)


words, tags = sentences(2400)
v_words, v_tags = sentences(600)
tagger = Tagger()
epochs = 12
optimizer = torch.optim.AdamW(tagger.parameters(), lr=5e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, epochs, power=1.0)
for epoch in range(epochs):
    tagger.train()
    run = []
    for rows in torch.randperm(len(words)).split(48):
        optimizer.zero_grad()
        nll = tagger(words[rows], tags[rows])
        nll.backward()
        optimizer.step()
        run.append(nll.detach())
    scheduler.step()
    tagger.eval()
    with torch.no_grad():
        v = tagger(v_words, v_tags).item()
        acc = (tagger.decode(v_words) == v_tags).float().mean().item()
    print(f"epoch {epoch + 1}, train loss {torch.stack(run).mean():.4f}, val loss {v:.4f}, accuracy {acc:.4f}")
print(f"final: val loss {v:.4f}, accuracy {acc:.4f}")
