import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(40)
STUDENTS, EXERCISES, SKILLS = 250, 100, 3

ability = torch.randn(STUDENTS, SKILLS)
need = 1.2 * torch.randn(EXERCISES, SKILLS)
hardness = 0.7 * torch.randn(EXERCISES)


def answers(n):
    """who answered which exercise, and whether rightly"""
    s, e = torch.randint(STUDENTS, (n,)), torch.randint(EXERCISES, (n,))
    logit = (ability[s] * need[e]).sum(1) - hardness[e]
    return s, e, torch.bernoulli(logit.sigmoid())


class AnswerModel(nn.Module):
    def __init__(self, rank=4):
        super().__init__()
        self.student = nn.Embedding(STUDENTS, rank)
        self.exercise = nn.Embedding(EXERCISES, rank)
        self.student_bias = nn.Embedding(STUDENTS, 1)
        self.exercise_bias = nn.Embedding(EXERCISES, 1)
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.normal_(self.student.weight, std=0.3)
        nn.init.normal_(self.exercise.weight, std=0.3)
        nn.init.zeros_(self.student_bias.weight)
        nn.init.zeros_(self.exercise_bias.weight)

    def forward(self, s, e):
        match = (self.student(s) * self.exercise(e)).sum(1)
        return match + self.student_bias(s)[:, 0] + self.exercise_bias(e)[:, 0]


train, val = answers(16000), answers(3000)
model = AnswerModel()
epochs = 24
opt = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=3e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    running = 0.0
    for idx in torch.randperm(16000).split(200):
        s, e, y = (t[idx] for t in train)
        loss = F.binary_cross_entropy_with_logits(model(s, e), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() / 80
    sched.step()
    with torch.no_grad():
        logit = model(*val[:2])
        val_loss = F.binary_cross_entropy_with_logits(logit, val[2]).item()
        right = ((logit > 0).float() == val[2]).float().mean().item()
    print(f"epoch {epoch:2d} loss {running:.4f} val loss {val_loss:.4f} foretold {right:.3f}")
print(f"final: val loss {val_loss:.4f}, {right:.3f} of the answers foretold")
