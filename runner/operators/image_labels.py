"""The names of images as labels of metrics, of which there must not be too many."""

# A series for each image takes memory in Prometheus, so images beyond these are "other".
MOST_IMAGES = 50
OTHER = "other"


class ImageLabels:
    """The first images have labels of their own; all others share one."""

    def __init__(self) -> None:
        self._images: set[str] = set()

    def __len__(self) -> int:
        return len(self._images)

    def of(self, image: str) -> str:
        """The label of an image."""
        if image not in self._images and len(self._images) >= MOST_IMAGES:
            return OTHER
        self._images.add(image)
        return image
