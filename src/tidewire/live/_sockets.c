/* The same bytes to many sockets: see sockets.py, which does in Python what this does.
 *
 * A delivery to one viewer is a send(2), and nearly all of its cost is the kernel's. Called
 * once per viewer, Python adds a tenth to that (bench/fanout); called once, nothing.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <sys/socket.h>

static Py_ssize_t
send_to(int socket, const Py_buffer *data)
{
    ssize_t taken;
    do {
        taken = send(socket, data->buf, data->len, MSG_DONTWAIT);
    } while (taken < 0 && errno == EINTR);
    return taken < 0 ? 0 : taken;
}

static PyObject *
list_short(const Py_ssize_t *taken, Py_ssize_t count, Py_ssize_t whole)
{
    PyObject *list = PyList_New(0);
    for (Py_ssize_t place = 0; list != NULL && place < count; place++) {
        if (taken[place] == whole)
            continue;
        PyObject *pair = Py_BuildValue("(nn)", place, taken[place]);
        if (pair == NULL || PyList_Append(list, pair) < 0)
            Py_CLEAR(list);
        Py_XDECREF(pair);
    }
    return list;
}

static PyObject *
send_to_each(const Py_buffer *sockets, const Py_buffer *data)
{
    Py_ssize_t count = sockets->len / (Py_ssize_t)sizeof(int);
    Py_ssize_t *taken = PyMem_New(Py_ssize_t, count);
    if (taken == NULL)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t place = 0; place < count; place++)
        taken[place] = send_to(((const int *)sockets->buf)[place], data);
    Py_END_ALLOW_THREADS
    PyObject *list = list_short(taken, count, data->len);
    PyMem_Free(taken);
    return list;
}

static PyObject *
send_to_all(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer sockets, data;
    if (!PyArg_ParseTuple(arguments, "y*y*", &sockets, &data))
        return NULL;
    PyObject *list = send_to_each(&sockets, &data);
    PyBuffer_Release(&sockets);
    PyBuffer_Release(&data);
    return list;
}

static PyMethodDef methods[] = {
    {"send_to_all", send_to_all, METH_VARARGS, "See tidewire.live.sockets."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_sockets", .m_size = 0, .m_methods = methods,
};

PyMODINIT_FUNC
PyInit__sockets(void)
{
    return PyModuleDef_Init(&definition);
}
