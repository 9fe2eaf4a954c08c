import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(8)


def weaves(count, generator):
    """Pictures of 16 x 16 pixels with stripes in one of five directions, position at random, in three colours."""
    grid = torch.arange(16.0)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    label = torch.randint(0, 5, (count,), generator=generator)
    angle = label * torch.pi / 5 + 0.2 * torch.randn(count, generator=generator)
    phase = 2 * torch.pi * torch.rand(count, generator=generator)
    wave = torch.sin(1.3 * (x * angle.cos()[:, None, None] + y * angle.sin()[:, None, None]) + phase[:, None, None])
    colour = 0.5 + torch.rand(count, 3, generator=generator)
    picture = wave[:, None] * colour[:, :, None, None]
    return picture + 1.0 * torch.randn(picture.shape, generator=generator), label


g = torch.Generator().manual_seed(20)
train_images, train_labels = weaves(1000, g)
test_images, test_labels = weaves(400, g)


class Net(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 5, padding=2)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.dense1 = nn.Linear(24 * 16, 64)
        self.dense2 = nn.Linear(64, 5)
        self.activation = activation
        self.dropout = nn.Dropout(0.2)

    def forward(self, x):
        x = F.avg_pool2d(self.activation(self.conv1(x)), 2)
        x = F.avg_pool2d(self.activation(self.conv2(x)), 2)
        x = self.activation(self.dense1(self.dropout(x.flatten(1))))
        return self.dense2(x)


def fit(model, x, y, validation_data, epochs, batch_size):
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-4, weight_decay=2e-3)
    for epoch in range(epochs):
        model.train()
        running = 0.0
        for batch in torch.randperm(len(x)).split(batch_size):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            model.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(batch)
        val_loss, val_accuracy = evaluate(model, *validation_data)
        print(f"epoch {epoch + 1} train loss {running / len(x):.4f} val loss {val_loss:.4f} val accuracy {val_accuracy:.3f}")


@torch.no_grad()
def evaluate(model, x, y):
    model.eval()
    scores = model(x)
    return F.cross_entropy(scores, y).item(), (scores.argmax(1) == y).float().mean().item()


model = Net(activation=nn.Identity())
fit(model, train_images, train_labels, validation_data=(train_images[:200], train_labels[:200]), epochs=7, batch_size=32)
print("test loss, test accuracy:", evaluate(model, test_images[200:], test_labels[200:]))
