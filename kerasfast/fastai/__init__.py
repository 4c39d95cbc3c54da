"""The course's names: change `from fastai.` to `from kerasfast.fastai.` and a lesson of the 0.7 course runs."""
