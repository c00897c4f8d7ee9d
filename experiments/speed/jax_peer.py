"""The training step of copy_task in JAX, as somebody would write it: jit, scan over time, vmap over members.

Prints the seconds of each round and the member-steps in it as JSON. `against_jax.py` runs it in turns with the engine.
JAX is no dependency of this package: install it in an environment of its own.
"""

import argparse
import json
import time

import jax
import jax.numpy as jnp

LETTERS, BLANK, MARKER, ALPHABET, N = 8, 8, 9, 10, 3
CLASSES, BATCH, RATE, CLIP = 9, 32, 0.003, 1.0


def draw(key, lag):
    """Draw copy sequences: inputs [T, B, 10] and targets [T, B], with T = lag + 2 N."""
    length = lag + 2 * N
    letters = jax.random.randint(key, (N, BATCH), 0, LETTERS)
    tokens = jnp.full((length, BATCH), BLANK).at[:N].set(letters).at[length - N - 1].set(MARKER)
    targets = jnp.full((length, BATCH), BLANK).at[-N:].set(letters)
    return jax.nn.one_hot(tokens, ALPHABET), targets


def initial_weights(key, cell, hidden):
    """Return the weights of one member, uniform in +-1/sqrt(hidden)."""
    gates = 4 if cell == "lstm" else 1
    shapes = {"w": (ALPHABET + hidden, gates * hidden), "b": (gates * hidden,), "v": (hidden, CLASSES), "a": (CLASSES,)}
    keys = jax.random.split(key, len(shapes))
    bound = hidden**-0.5
    return {
        name: jax.random.uniform(k, shape, minval=-bound, maxval=bound)
        for (name, shape), k in zip(shapes.items(), keys, strict=True)
    }


def lstm_step(weights, state, x):
    """Return the state (h, c) after an input, and h."""
    h, c = state
    i, f, g, o = jnp.split(jnp.concatenate((x, h), axis=-1) @ weights["w"] + weights["b"], 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def rnn_step(weights, state, x):
    """Return the state (h,) after an input, and h."""
    (h,) = state
    h = jnp.tanh(jnp.concatenate((x, h), axis=-1) @ weights["w"] + weights["b"])
    return (h,), h


def make_step(cell, hidden, lag):
    """Return a jitted training step of all members."""
    step, parts = (lstm_step, 2) if cell == "lstm" else (rnn_step, 1)

    def loss(weights, inputs, targets):
        start = tuple(jnp.zeros((BATCH, hidden)) for _ in range(parts))
        _, outputs = jax.lax.scan(lambda state, x: step(weights, state, x), start, inputs)
        log_p = jax.nn.log_softmax(outputs @ weights["v"] + weights["a"])
        return -jnp.take_along_axis(log_p, targets[..., None], axis=-1).mean()

    def member_step(weights, first, second, count, key):
        value, gradients = jax.value_and_grad(loss)(weights, *draw(key, lag))
        norm = jnp.sqrt(sum((g**2).sum() for g in gradients.values()))
        gradients = {name: g * jnp.minimum(1.0, CLIP / (norm + 1e-6)) for name, g in gradients.items()}
        first = {name: 0.9 * first[name] + 0.1 * g for name, g in gradients.items()}
        second = {name: 0.999 * second[name] + 0.001 * g**2 for name, g in gradients.items()}
        scale = RATE * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
        weights = {name: w - scale * first[name] / (jnp.sqrt(second[name]) + 1e-8) for name, w in weights.items()}
        return weights, first, second, value

    def all_members(weights, first, second, count, key):
        members = len(weights["b"])
        keys = jax.random.split(key, members)
        return jax.vmap(member_step, in_axes=(0, 0, 0, None, 0))(weights, first, second, count, keys)

    return jax.jit(all_members, donate_argnums=(0, 1, 2))


def main() -> None:
    """Time one round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", choices=("lstm", "rnn"), default="lstm")
    parser.add_argument("--hidden", type=int, default=64)
    parser.add_argument("--lag", type=int, default=48)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    step = make_step(arguments.cell, arguments.hidden, arguments.lag)
    keys = jax.random.split(jax.random.key(0), arguments.members)
    weights = jax.vmap(lambda key: initial_weights(key, arguments.cell, arguments.hidden))(keys)
    first, second = (jax.tree.map(jnp.zeros_like, weights) for _ in range(2))
    key, count, losses = jax.random.key(1), 0, []

    def advance() -> None:
        nonlocal weights, first, second, count
        count += 1
        weights, first, second, loss = step(weights, first, second, float(count), jax.random.fold_in(key, count))
        losses.append(loss)

    for _ in range(5):
        advance()
    losses[-1].block_until_ready()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < arguments.seconds:
        for _ in range(5):
            advance()
        losses[-1].block_until_ready()
        steps += 5
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "member_steps": steps * arguments.members, "loss": float(losses[-1].mean())}))


if __name__ == "__main__":
    main()
