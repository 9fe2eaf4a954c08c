import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

torch.manual_seed(64)
MOOD = torch.randn(25)
MOOD[0] = 0


def sample():
    words = torch.randint(1, 25, (int(torch.randint(4, 14, ())),))
    score = MOOD[words].mean() * len(words) ** 0.5 + 0.5 * torch.randn(())
    return words, score


def collate(batch):
    words, scores = zip(*batch)
    return pad_sequence(words, batch_first=True), torch.tensor([len(w) for w in words]), torch.stack(scores)


class Grader(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(25, 12, padding_idx=0)
        self.lstm = nn.LSTM(12, 24, batch_first=True)
        self.out = nn.Linear(24, 1)

    def forward(self, words, lengths):
        packed = pack_padded_sequence(self.embed(words), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return self.out(h[-1]).squeeze(1)


def run(epochs=12):
    train = DataLoader([sample() for _ in range(2500)], batch_size=50, shuffle=True, collate_fn=collate)
    val = DataLoader([sample() for _ in range(800)], batch_size=200, collate_fn=collate)
    model = Grader()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        model.train()
        for words, lengths, score in train:
            loss = nn.functional.mse_loss(model(words, lengths), score)
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        model.eval()
        with torch.no_grad():
            vl = sum(nn.functional.mse_loss(model(w, n), s).item() for w, n, s in val) / len(val)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f}")
    print(f"final: val loss {vl:.4f}")


run()
