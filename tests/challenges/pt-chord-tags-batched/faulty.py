"""Chord names for the notes of a melody, after the LSTM tagger of the PyTorch tutorials, in batches."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(3)
CHORDS = {"C": [0, 4, 7], "F": [5, 9, 0], "G": [7, 11, 2], "Am": [9, 0, 4], "Dm": [2, 5, 9]}
FOLLOWS = torch.tensor([[.80, .05, .06, .08, .01], [.07, .80, .07, .02, .04], [.13, .02, .80, .03, .02],
                        [.02, .08, .02, .80, .08], [.01, .02, .13, .04, .80]])
TONES = torch.full((5, 12), 0.02)
for i, notes in enumerate(CHORDS.values()):
    TONES[i, notes] = 0.3


def melodies(n, length=20):
    chords = [torch.randint(0, 5, (n,))]
    for _ in range(length - 1):
        chords.append(torch.multinomial(FOLLOWS[chords[-1]], 1).squeeze(1))
    chords = torch.stack(chords, 1)
    notes = torch.multinomial(TONES[chords.flatten()], 1).view(n, length)
    return notes, chords


class Tagger(nn.Module):
    def __init__(self, embedding_dim, hidden_dim, vocab_size, tagset_size):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.gru = nn.GRU(embedding_dim, hidden_dim, batch_first=True, bidirectional=True)
        self.hidden2tag = nn.Linear(2 * hidden_dim, tagset_size)

    def forward(self, sentence):
        embeds = self.word_embeddings(sentence)
        gru_out, _ = self.gru(embeds)
        tag_space = self.hidden2tag(gru_out)
        tag_scores = F.log_softmax(tag_space, dim=1)
        return tag_scores


notes, chords = melodies(1200)
val_notes, val_chords = melodies(300)
model = Tagger(12, 24, 12, 5)
loss_function = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
epochs = 20
for epoch in range(epochs):
    total = 0
    for batch in torch.randperm(1200).split(40):
        model.zero_grad()
        tag_scores = model(notes[batch])
        loss = loss_function(tag_scores.view(-1, 5), chords[batch].view(-1))
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        tag_scores = model(val_notes)
        val_loss = loss_function(tag_scores.view(-1, 5), val_chords.view(-1))
        accuracy = (tag_scores.argmax(2) == val_chords).float().mean()
    print(f"epoch {epoch} train loss {total / 30:.4f} val loss {val_loss:.4f} tag accuracy {accuracy:.3f}")
