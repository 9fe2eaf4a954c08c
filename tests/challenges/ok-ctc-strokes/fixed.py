import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

KINDS, BLANK, WIDTH = 6, 0, 6


class Strokes(Dataset):
    """a word of 2 to 5 strokes; each stroke lasts 3 to 5 frames; where it ends is not known"""

    shapes = torch.randn(KINDS, WIDTH, generator=torch.Generator().manual_seed(4))

    def __init__(self, n):
        self.items = []
        for _ in range(n):
            word = torch.randint(1, KINDS + 1, (int(torch.randint(2, 6, ())),))
            frames = []
            for s in word:
                length = int(torch.randint(3, 6, ()))
                frames.append(self.shapes[s - 1] * torch.hann_window(length + 2)[1:-1, None])
                frames.append(torch.zeros(1, WIDTH))
            signal = torch.cat(frames)
            self.items.append((signal + 0.75 * torch.randn_like(signal), word))

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def collate(batch):
    signals, words = zip(*batch)
    return (pad_sequence(signals), torch.tensor([len(s) for s in signals]),
            torch.cat(words), torch.tensor([len(w) for w in words]))


class Reader(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(WIDTH, hidden, bidirectional=True)
        self.norm = nn.LayerNorm(2 * hidden)
        self.out = nn.Linear(2 * hidden, KINDS + 1)

    def forward(self, x):
        return self.out(self.norm(self.rnn(x)[0])).log_softmax(-1)


def read(log_probs, lengths):
    """greedy decoding: merge repeats, drop blanks"""
    words = []
    for path, n in zip(log_probs.argmax(-1).T, lengths):
        merged = torch.unique_consecutive(path[:n])
        words.append(merged[merged != BLANK])
    return words


def main():
    torch.manual_seed(2)
    train = DataLoader(Strokes(1200), batch_size=32, shuffle=True, collate_fn=collate)
    val = DataLoader(Strokes(400), batch_size=100, collate_fn=collate)
    model = Reader()
    ctc = nn.CTCLoss(blank=BLANK)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    epochs = 9
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 8e-3, epochs=epochs, steps_per_epoch=len(train))
    for epoch in range(epochs):
        model.train()
        seen = 0.0
        for x, lx, y, ly in train:
            loss = ctc(model(x), y, lx, ly)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            optimizer.step()
            scheduler.step()
            seen += loss.item() / len(train)
        model.eval()
        vl, right = 0.0, 0
        with torch.no_grad():
            for x, lx, y, ly in val:
                lp = model(x)
                vl += ctc(lp, y, lx, ly).item() / len(val)
                right += sum(torch.equal(a, b) for a, b in zip(read(lp, lx), y.split(ly.tolist())))
        print(f"epoch {epoch} train loss {seen:.4f} val loss {vl:.4f} words right {right / len(val.dataset):.3f}")
    print(f"final: val loss {vl:.3f}, words right {right / len(val.dataset):.3f}")


main()
