import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import BatchSampler

SEED = 5
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# every speaker has a timbre; every recording mixes it with what is said and with the room
speakers, per_speaker, n_features = 90, 24, 40
mixing = rng.normal(size=(16, n_features)) / 4
timbre = rng.normal(size=(speakers, 8))


def recordings(ids):
    who = np.repeat(ids, per_speaker)
    said = rng.normal(size=(len(who), 8))
    x = np.tanh(np.concatenate([timbre[who], said], 1) @ mixing) + 0.15 * rng.normal(size=(len(who), n_features))
    return x.astype(np.float32), who


x_train, who_train = recordings(np.arange(0, 70))
x_val, who_val = recordings(np.arange(70, 90))
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_val = (torch.from_numpy((x - mean) / std) for x in (x_train, x_val))
who_train, who_val = torch.from_numpy(who_train), torch.from_numpy(who_val)


class SpeakerBatches(BatchSampler):
    """batches of 10 speakers with 6 recordings each"""

    def __init__(self, who, n_speakers=10, n_each=6, batches=40):
        self.rows = [torch.nonzero(who == s).squeeze(1) for s in who.unique()]
        self.n_speakers, self.n_each, self.batches = n_speakers, n_each, batches

    def __len__(self):
        return self.batches

    def __iter__(self):
        for _ in range(self.batches):
            chosen = torch.randperm(len(self.rows))[:self.n_speakers]
            yield torch.cat([self.rows[s][torch.randperm(len(self.rows[s]))[:self.n_each]] for s in chosen])


def batch_hard(z, who, margin=0.4):
    d = torch.cdist(z, z)
    same = who[:, None] == who[None]
    furthest = (d * same).max(1).values
    nearest = d.masked_fill(same, 1e3).min(1).values
    return F.softplus((furthest - nearest + margin) / 0.2).mean() * 0.2


net = nn.Sequential(nn.Linear(n_features, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 16))
embed = lambda x: F.normalize(net(x), dim=1)
epochs = 24
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
sampler = SpeakerBatches(who_train)
val_batches = list(SpeakerBatches(who_val, batches=40))
for epoch in range(epochs):
    net.train()
    losses = []
    for rows in sampler:
        loss = batch_hard(embed(x_train[rows]), who_train[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        vl = np.mean([batch_hard(embed(x_val[r]), who_val[r]).item() for r in val_batches])
        z = embed(x_val)
        nearest = torch.cdist(z, z).fill_diagonal_(9).argmin(1)
        recall = (who_val[nearest] == who_val).float().mean().item()
    print("epoch %d train loss %.4f val loss %.4f recall@1 %.3f" % (epoch, np.mean(losses), vl, recall))
print("final: val loss %.4f recall@1 %.3f (speakers never heard in training)" % (vl, recall))
