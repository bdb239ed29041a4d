"""Embedders and vector transforms that keep their promises, and others that break one each."""

import hashlib
import itertools

import numpy as np
from threads_in_use import three_threads

from zsg_registry import EncodedBlock, Encoder, Need, TextEmbedder, VectorTransform


class Sound(TextEmbedder):
    """Pairs of characters, each hashed to one of sixteen dimensions."""

    def texts(self, texts, context):
        return texts

    def vectors(self, texts):
        found = np.ones((len(texts), 16), dtype=np.float32)
        for row, text in enumerate(texts):
            for pair in itertools.pairwise(text):
                found[row, hashlib.sha256(repr(pair).encode()).digest()[0] % 16] += 1
        return found

    def embed(self, texts, context):
        yield self.vectors(self.texts(texts, context))


class Raising(Sound):
    """Raises."""

    def vectors(self, texts):
        raise KeyError("vector")


class UndeclaredModel(Sound):
    """Uses a model that it did not declare."""

    def texts(self, texts, context):
        context.model()
        return texts


class Doubles(Sound):
    """Yields float64."""

    def vectors(self, texts):
        return super().vectors(texts).astype(np.float64)


class Directionless(Sound):
    """Gives an ordinary text a vector of zeros."""

    def vectors(self, texts):
        return super().vectors(texts) * np.array([[len(text) % 5 > 0] for text in texts], dtype=np.float32)


class GoesByBatch(Sound):
    """Takes the mean of whatever is in the batch away."""

    def vectors(self, texts):
        found = super().vectors(texts)
        return found - found.mean(axis=0) / 2


class Noisy(Sound):
    """Draws from the generator of the whole process."""

    def vectors(self, texts):
        found = super().vectors(texts)
        return found + np.random.normal(scale=1e-6, size=found.shape).astype(np.float32)


class GoesByHash(Sound):
    """Goes by string hashes."""

    def vectors(self, texts):
        found = super().vectors(texts)
        found[:, 0] += [hash(text) % 100 for text in texts]
        return found


class GoesByThreads(Sound):
    """Goes by the number of threads."""

    def vectors(self, texts):
        return super().vectors(texts)[:, :: -1 if three_threads() else 1]


class GoesByPool(Sound):
    """Goes by the pool, and does not say so."""

    def texts(self, texts, context):
        return [text + context.pool.ids[0] for text in texts]


class _ByRole(Encoder):
    def __init__(self, embedder):
        self.embedder = embedder

    def encode(self, examples, role, view):
        yield self.embedder.vectors([f"{role}: {text}" for text in examples.texts(view)])


class GoesByRole(Sound):
    """Goes by the role, though it is an embedder of texts."""

    def fit(self, context):
        return _ByRole(self)


class _OfAnswers(_ByRole):
    def encode(self, examples, role, view):
        yield self.embedder.vectors(examples.texts("both"))


class AlwaysBoth(Sound):
    """Reads the answers whatever the view is."""

    def fit(self, context):
        return _OfAnswers(self)


class Cuts(Sound):
    """Reads the beginning of a text, and does not tell."""

    def texts(self, texts, context):
        return [text[:2000] for text in texts]


class TellsOfCuts(Sound):
    """Reads the beginning of a text, and tells how many go on."""

    def embed(self, texts, context):
        yield EncodedBlock(self.vectors([text[:2000] for text in texts]), sum(len(text) > 2000 for text in texts))


class TrainsTheModel(Sound):
    """Changes the base model that others use too."""

    needs = frozenset({Need.MODEL})

    def texts(self, texts, context):
        next(context.model().model.parameters()).data.add_(1.0)
        return texts


class AsciiOnly(Sound):
    """Does not cope with other scripts."""

    def texts(self, texts, context):
        return [text.encode("ascii").decode() for text in texts]


class SoundTransform(VectorTransform):
    """Takes the pool's mean away."""

    def fit(self, pool):
        mean = pool.mean(axis=0)
        return lambda vectors: self.moved(vectors, mean)

    def moved(self, vectors, mean):
        return vectors - mean


class RaisingTransform(SoundTransform):
    """Raises."""

    def moved(self, vectors, mean):
        raise KeyError("mean")


class DoublesTransform(SoundTransform):
    """Gives float64."""

    def moved(self, vectors, mean):
        return super().moved(vectors, mean).astype(np.float64)


class BlockTransform(SoundTransform):
    """Takes a block's own mean away."""

    def moved(self, vectors, mean):
        return vectors - vectors.mean(axis=0)


class NoisyTransform(SoundTransform):
    """Draws from the generator of the whole process."""

    def moved(self, vectors, mean):
        return super().moved(vectors, mean) + np.float32(np.random.normal(scale=1e-5))


class HashTransform(SoundTransform):
    """Goes by string hashes."""

    def moved(self, vectors, mean):
        return super().moved(vectors, mean) + np.float32(hash("mean") % 1000)


class ThreadsTransform(SoundTransform):
    """Goes by the number of threads."""

    def moved(self, vectors, mean):
        return super().moved(vectors, mean) * np.float32(-1 if three_threads() else 1)


class WritingTransform(SoundTransform):
    """Writes into the vectors that it is given."""

    def moved(self, vectors, mean):
        vectors -= mean
        return vectors


class DividingTransform(SoundTransform):
    """Divides by a variance that may be zero."""

    def fit(self, pool):
        mean, deviation = pool.mean(axis=0), pool.std(axis=0)
        return lambda vectors: (vectors - mean) / deviation
