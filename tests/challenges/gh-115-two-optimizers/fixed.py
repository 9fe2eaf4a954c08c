import random
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(8)
SYMBOLS, SOS, LENGTH, HIDDEN = 8, 8, 5, 48
epochs = 12


class EncoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS, 16)
        self.gru = nn.GRU(16, HIDDEN, batch_first=True)

    def forward(self, words):
        _, hidden = self.gru(self.embedding(words))
        return hidden


class DecoderRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, 16)
        self.gru = nn.GRU(16, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, SYMBOLS)

    def forward(self, words, hidden):
        output, hidden = self.gru(self.embedding(words), hidden)
        return self.out(output), hidden


def pairs(n):
    """the answer is the question backwards; some answers were noted down wrongly"""
    question = torch.randint(0, SYMBOLS, (n, LENGTH))
    answer = question.flip(1).clone()
    wrong = torch.rand(n, LENGTH) < 0.12
    answer[wrong] = torch.randint(0, SYMBOLS, (int(wrong.sum()),))
    return question, answer


def run(question, answer):
    start = torch.full((len(answer), 1), SOS)
    logits, _ = decoder(torch.cat([start, answer[:, :-1]], 1), encoder(question))
    return logits


encoder, decoder = EncoderRNN(), DecoderRNN()
encoder_optimizer = torch.optim.AdamW(encoder.parameters(), lr=5e-3, weight_decay=0.05)
decoder_optimizer = torch.optim.AdamW(decoder.parameters(), lr=5e-3, weight_decay=0.05)
schedules = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs) for o in (encoder_optimizer, decoder_optimizer)]
question, answer = pairs(6000)
val_question, val_answer = pairs(800)

for epoch in range(epochs):
    print_loss = 0.0
    for b in torch.randperm(len(question)).split(100):
        logits = run(question[b], answer[b])
        loss = F.cross_entropy(logits.flatten(0, 1), answer[b].flatten())
        encoder_optimizer.zero_grad()
        decoder_optimizer.zero_grad()
        loss.backward()
        encoder_optimizer.step()
        decoder_optimizer.step()
        print_loss += loss.item() * len(b) / len(question)
    for schedule in schedules:
        schedule.step()
    with torch.no_grad():
        logits = run(val_question, val_answer)
        val_loss = F.cross_entropy(logits.flatten(0, 1), val_answer.flatten()).item()
        right = (logits.argmax(-1) == val_answer).float().mean().item()
    print(f"epoch {epoch + 1} loss {print_loss:.4f} val loss {val_loss:.4f} symbols right {right:.3f}")

random.seed(1)
k = random.randrange(len(val_question))
print("<", val_question[k].tolist(), "=", logits[k].argmax(-1).tolist())
print(f"final: symbols right {right:.3f}")
