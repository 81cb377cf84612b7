/**
 * A doubly linked list whose links are fields of its elements: entering, leaving from anywhere and
 * taking the oldest allocate nothing and take constant time (bench/queue-structures.ts chose it).
 *
 *   head ──► node ⇄ node ⇄ node ◄── tail        node.list: the list it is in, if any
 */

export interface Linked<Node extends Linked<Node>> {
  next: Node | undefined;
  previous: Node | undefined;
  /** The list that holds it; an element is in one list at most. */
  list: LinkedList<Node> | undefined;
}

export class LinkedList<Node extends Linked<Node>> {
  head: Node | undefined = undefined;
  tail: Node | undefined = undefined;
  length = 0;

  append(node: Node): void {
    node.list = this;
    node.previous = this.tail;
    if (this.tail) this.tail.next = node;
    else this.head = node;
    this.tail = node;
    this.length += 1;
  }

  prepend(node: Node): void {
    node.list = this;
    node.next = this.head;
    if (this.head) this.head.previous = node;
    else this.tail = node;
    this.head = node;
    this.length += 1;
  }

  /** The node must be in this list. */
  remove(node: Node): void {
    const { next, previous } = node;
    if (next) next.previous = previous;
    else this.tail = previous;
    if (previous) previous.next = next;
    else this.head = next;
    node.next = undefined;
    node.previous = undefined;
    node.list = undefined;
    this.length -= 1;
  }
}
