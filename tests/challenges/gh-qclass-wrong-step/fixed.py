import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

START, PAD = 0, 1


class Questions(Dataset):
    def __init__(self, n, meaning):
        length = torch.randint(8, 15, (n,))
        words = torch.randint(2, 30, (n, 15))
        score = torch.zeros(n)
        for i in range(n):
            words[i, length[i]:] = PAD
            score[i] = meaning[words[i, 1:length[i]]].sum()
        words[:, 0] = START
        self.words, self.length = words, length
        self.label = (score > 0).float()
        wrong = torch.rand(n) < 0.08
        self.label[wrong] = 1 - self.label[wrong]

    def __len__(self):
        return len(self.label)

    def __getitem__(self, i):
        return self.words[i], self.length[i], self.label[i]


class QuestionClassifier(nn.Module):
    def __init__(self, emb=12, hid=24):
        super().__init__()
        self.embed = nn.Embedding(30, emb, padding_idx=PAD)
        self.rnn = nn.GRU(emb, hid, batch_first=True)
        self.out = nn.Linear(hid, 1)

    def forward(self, words, length):
        states, _ = self.rnn(self.embed(words))
        last = states[torch.arange(len(words)), length - 1]
        return self.out(last).squeeze(1)


def main(epochs=9):
    torch.manual_seed(22)
    meaning = torch.randn(30)
    meaning -= meaning[2:].mean()
    train_loader = DataLoader(Questions(4000, meaning), batch_size=50, shuffle=True)
    val_loader = DataLoader(Questions(1000, meaning), batch_size=250)
    model = QuestionClassifier()
    opt = torch.optim.Adam(model.parameters(), lr=8e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    bce = nn.BCEWithLogitsLoss()
    for epoch in range(epochs):
        model.train()
        for words, length, label in train_loader:
            loss = bce(model(words, length), label)
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        model.eval()
        total, right = 0.0, 0.0
        with torch.no_grad():
            for words, length, label in val_loader:
                out = model(words, length)
                total += bce(out, label).item() / len(val_loader)
                right += ((out > 0).float() == label).float().mean().item() / len(val_loader)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {total:.4f} val accuracy {right:.4f}")
    print(f"final: val loss {total:.4f}, val accuracy {right:.4f}")


main()
