"""Another third party's arrangement under the same name."""

from zsg_registry import ArrangeContext, Arrangement


class ShortAnswersFirst(Arrangement):
    """Short answers first."""

    def arrange(self, context: ArrangeContext) -> list[int]:
        """Sort by the answer's length."""
        answers = context.texts("pool", "completion")
        return sorted(range(len(answers)), key=lambda i: len(answers[i]))[: context.budget]
